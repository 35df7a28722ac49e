use std::time::SystemTime;

use throughline_model::Attributes;

use super::*;

#[test]
fn a_set_that_was_about_to_be_forgotten_is_remembered_by_its_places_again() {
    let hasher = RandomState::default();
    let attributes = [KeyValue::new("k", "v")];
    let call = Call {
        stream: 7,
        filter: &AttributeFilter::All,
        attributes: &attributes,
        places: 1,
        hasher: &hasher,
    };
    let set = Attributes::new(attributes.iter().cloned());
    let created = SystemTime::UNIX_EPOCH;
    let series = Arc::new(Series::new(7, set, created, None, None, None));
    let mut memory = Memory::new();
    memory.insert_texts(Texts {
        hash: call.texts(),
        given: Given::Set { calls: CALLS },
        series,
    });
    assert!(memory.by_texts(&call).unwrap().placed(&call).is_none());
    memory.old = mem::take(&mut memory.young);
    assert!(memory.by_texts(&call).unwrap().placed(&call).is_some());
}
