use std::sync::Arc;

use throughline_testkit::SeededRandom;

use super::*;

const TEN: Duration = Duration::from_secs(10);

/// Draws the smallest or the largest jitter.
#[derive(Debug)]
struct Always(u64);

impl Random for Always {
    fn next_u64(&self) -> u64 {
        self.0
    }
}

const LOW: Always = Always(0);
const HIGH: Always = Always(u64::MAX);

fn fails(verdict: Verdict) -> Failure {
    Failure {
        verdict,
        code: "503".into(),
        message: "busy".into(),
    }
}

/// Plays failures back, then succeeds; notes when it was asked.
struct Script {
    failures: Vec<Verdict>,
    asked: Vec<Duration>,
    start: Instant,
    takes: Duration,
}

impl Script {
    fn new(failures: &[Verdict]) -> Self {
        Self {
            failures: failures.iter().rev().copied().collect(),
            asked: Vec::new(),
            start: Instant::now(),
            takes: Duration::ZERO,
        }
    }
}

impl Attempt for Script {
    type Done = ();

    async fn attempt(&mut self) -> Result<(), Failure> {
        self.asked.push(self.start.elapsed());
        tokio::time::sleep(self.takes).await;
        match self.failures.pop() {
            Some(verdict) => Err(fails(verdict)),
            None => Ok(()),
        }
    }
}

/// OTLP, "Failures": the table.
#[test]
fn grpc_codes_are_retried_as_the_table_says() {
    use Code::*;
    let transient = [
        Cancelled,
        DeadlineExceeded,
        Aborted,
        OutOfRange,
        Unavailable,
        DataLoss,
    ];
    for number in 0..=16 {
        let code = Code::from_i32(number);
        let expected = if transient.contains(&code) {
            Verdict::Transient
        } else {
            Verdict::Fatal
        };
        assert_eq!(Verdict::of_grpc(code, None), expected, "{code:?}");
    }
    let asked = Some(Duration::from_secs(3));
    let throttled = Verdict::Throttled(Duration::from_secs(3));
    assert_eq!(Verdict::of_grpc(ResourceExhausted, asked), throttled);
    assert_eq!(Verdict::of_grpc(Unavailable, asked), throttled);
    assert_eq!(Verdict::of_grpc(InvalidArgument, asked), Verdict::Fatal);
}

/// OTLP, "Retryable Response Codes": all other codes must not be retried.
#[test]
fn http_codes_are_retried_as_the_table_says() {
    for status in 300..=599 {
        let expected = match status {
            429 | 502 | 503 | 504 => Verdict::Transient,
            _ => Verdict::Fatal,
        };
        assert_eq!(Verdict::of_http(status, None), expected, "{status}");
    }
    let asked = Some(Duration::from_secs(3));
    let throttled = Verdict::Throttled(Duration::from_secs(3));
    assert_eq!(Verdict::of_http(429, asked), throttled);
    assert_eq!(Verdict::of_http(400, asked), Verdict::Fatal);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let after = |value| retry_after(value, now);
    assert_eq!(after("120"), Some(Duration::from_secs(120)));
    assert_eq!(after(" 0 "), Some(Duration::ZERO));
    assert_eq!(after("Sun, 06 Nov 1994 08:49:47 GMT"), Some(TEN));
    assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
    for neither in ["", "soon", "-1", "1.5", "99999999999999999999"] {
        assert_eq!(after(neither), None, "{neither}");
    }
}

#[test]
fn backoff_doubles_up_to_five_seconds_and_is_drawn_from_zero() {
    let ceiling = |attempt| match decide(attempt, Verdict::Transient, Duration::ZERO, TEN, &HIGH) {
        Decision::Retry(wait) => wait.as_secs_f64(),
        Decision::GiveUp(_) => panic!("gave up"),
    };
    for (attempt, expected) in [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 5.0), (99, 5.0)] {
        assert!((ceiling(attempt) - expected).abs() < 1e-6, "{attempt}");
        let Decision::Retry(wait) = decide(attempt, Verdict::Transient, Duration::ZERO, TEN, &LOW)
        else {
            panic!("gave up");
        };
        assert!(wait < Duration::from_millis(1));
    }
}

#[test]
fn jitter_is_spread_over_the_whole_backoff() {
    let random = SeededRandom::new(1);
    let mut quarters = [0; 4];
    for _ in 0..1_000 {
        let Decision::Retry(wait) = decide(1, Verdict::Transient, Duration::ZERO, TEN, &random)
        else {
            panic!("gave up");
        };
        quarters[(wait.as_secs_f64() / 0.125) as usize] += 1;
    }
    assert!(quarters.iter().all(|&n| n > 200), "{quarters:?}");
}

#[test]
fn a_servers_wish_is_waited_for_in_full_with_jitter_on_top() {
    let asked = Verdict::Throttled(Duration::from_secs(3));
    for random in [LOW, HIGH] {
        let Decision::Retry(wait) = decide(1, asked, Duration::ZERO, TEN, &random) else {
            panic!("gave up");
        };
        assert!(wait >= Duration::from_secs(3) && wait <= Duration::from_millis(3_500));
    }
}

#[test]
fn nothing_is_retried_after_the_batchs_time() {
    let late = Duration::from_millis(9_900);
    let decide = |verdict, elapsed, random: &Always| decide(3, verdict, elapsed, TEN, random);
    let at_once = Decision::GiveUp(Duration::ZERO);
    assert_eq!(decide(Verdict::Transient, late, &HIGH), at_once);
    assert_eq!(decide(Verdict::Transient, TEN, &LOW), at_once);
    assert_eq!(decide(Verdict::Fatal, Duration::ZERO, &LOW), at_once);
}

#[test]
fn a_wish_for_more_than_is_left_holds_the_batch_to_its_end() {
    let asked = Verdict::Throttled(Duration::from_secs(3_600));
    let four = Duration::from_secs(4);
    let decision = decide(1, asked, four, TEN, &LOW);
    assert_eq!(decision, Decision::GiveUp(Duration::from_secs(6)));
    let endless = Verdict::Throttled(Duration::MAX);
    assert_eq!(decide(1, endless, four, TEN, &HIGH), decision);
}

#[tokio::test(start_paused = true)]
async fn attempts_go_on_until_one_succeeds() {
    let mut script = Script::new(&[Verdict::Transient, Verdict::Throttled(TEN / 5)]);
    let done = run(TEN, &LOW, &mut script).await;
    assert_eq!(done, Ok(()));
    let asked: Vec<u64> = script.asked.iter().map(|at| at.as_secs()).collect();
    assert_eq!(asked, [0, 0, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_final_failure_ends_it_at_once() {
    let mut script = Script::new(&[Verdict::Fatal]);
    let error = run(TEN, &HIGH, &mut script).await.unwrap_err();
    let expected = PushError::Refused {
        code: "503".into(),
        message: "busy".into(),
    };
    assert_eq!(error, expected);
    assert_eq!(script.asked.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_covers_all_attempts_and_the_last_failure_is_told() {
    let mut script = Script::new(&[Verdict::Transient; 100]);
    let start = Instant::now();
    let error = run(TEN, &HIGH, &mut script).await.unwrap_err();
    assert!(start.elapsed() <= TEN);
    let PushError::Unavailable { attempts, message } = error else {
        panic!("{error:?}");
    };
    // 0 s, then after waits of 0.5, 1, 2 and 4 s; 5 more would be too late.
    assert_eq!(attempts, 5);
    assert_eq!(script.asked.len(), 5);
    assert_eq!(message, "503: busy");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_ends_with_the_batchs_time() {
    let mut script = Script::new(&[]);
    script.takes = Duration::from_secs(11);
    let start = Instant::now();
    let error = run(TEN, &LOW, &mut script).await.unwrap_err();
    assert_eq!(error, PushError::Timeout(TEN));
    assert_eq!(start.elapsed(), TEN);
}

#[tokio::test(start_paused = true)]
async fn when_the_last_attempt_hangs_the_failure_before_it_is_told() {
    let mut script = Script::new(&[Verdict::Transient; 2]);
    script.takes = Duration::from_secs(6);
    let start = Instant::now();
    let error = run(TEN, &LOW, &mut script).await.unwrap_err();
    assert_eq!(start.elapsed(), TEN);
    let PushError::Unavailable { attempts, message } = error else {
        panic!("{error:?}");
    };
    assert_eq!(attempts, 2);
    assert!(message.ends_with("503: busy"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_rest_has_it_before_the_next_batch() {
    let mut script = Script::new(&[Verdict::Throttled(Duration::from_secs(60))]);
    let start = Instant::now();
    let error = run(TEN, &LOW, &mut script).await.unwrap_err();
    assert!(matches!(error, PushError::Unavailable { attempts: 1, .. }));
    assert_eq!(start.elapsed(), TEN);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_attempts_go_on() {
    let endless = Duration::from_millis(u64::from(u32::MAX));
    let mut script = Script::new(&[Verdict::Transient; 1_000]);
    assert_eq!(run(endless, &*Arc::new(HIGH), &mut script).await, Ok(()));
    assert_eq!(script.asked.len(), 1_001);
}
