use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Waits to be let, and has run all callbacks where it was given a second.
#[derive(Debug)]
struct Gated(Mutex<Receiver<()>>);

impl Collect for Gated {
    fn collect(&self, deadline: Duration) -> Result<Snapshot, CollectError> {
        let _ = self.0.lock().unwrap().recv();
        let in_time = deadline >= Duration::from_secs(1);
        Ok(Snapshot {
            incomplete: (!in_time).then_some(CollectError::Timeout(deadline)),
            ..Snapshot::default()
        })
    }
}

fn gated() -> (Arc<Scrapes>, Sender<()>) {
    let (open, gate) = channel();
    let collect = Arc::new(Gated(Mutex::new(gate)));
    (Arc::new(Scrapes::new(Settings::default(), collect)), open)
}

#[tokio::test]
async fn a_scraper_in_a_hurry_hurries_nobody_but_itself() {
    let (scrapes, open) = gated();
    let (hasty, patient, ()) = tokio::join!(
        scrapes.snapshot(Duration::from_millis(8)),
        scrapes.snapshot(Duration::from_secs(3600)),
        async {
            open.send(()).unwrap();
            open.send(()).unwrap();
        }
    );
    assert!(hasty.unwrap().incomplete.is_some());
    assert_eq!(patient.unwrap().incomplete, None);
}

#[tokio::test]
async fn what_had_all_the_time_it_wanted_is_shared() {
    let (scrapes, open) = gated();
    let (patient, hasty, ()) = tokio::join!(
        scrapes.snapshot(Duration::from_secs(3600)),
        scrapes.snapshot(Duration::from_millis(8)),
        async { open.send(()).unwrap() }
    );
    assert!(Arc::ptr_eq(&patient.unwrap(), &hasty.unwrap()));
}
