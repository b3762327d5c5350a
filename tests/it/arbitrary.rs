//! What nobody would send who means well.

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};
use tests::door::{Door, Sender};

/// Any JSON, as somebody who means ill would put it in the place of any field.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[A-Z0-9.]{0,200}".prop_map(Value::from),
        Just(json!("\u{fffe}\u{ffff}\u{0}")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{0,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every place in a document.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), all);
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields {
                places(item, &format!("{at}/{name}"), all);
            }
        }
        _ => {}
    }
}

/// A sender's delivery with anything in some of its places.
pub(crate) fn altered<S: Sender>() -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<Index>(), any_json()), 1..4);
    (any_fixture::<S>(), changes).prop_map(|(body, changes)| {
        let mut body: Value = serde_json::from_slice(&body).expect("JSON");
        for (index, value) in changes {
            let mut all = Vec::new();
            places(&body, "", &mut all);
            let place = index.get(&all);
            *body.pointer_mut(place).expect("it is there") = value;
        }
        body.to_string().into_bytes()
    })
}

/// A sender's delivery with some of its bytes changed.
pub(crate) fn damaged<S: Sender>() -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<Index>(), any::<u8>()), 1..6);
    (any_fixture::<S>(), changes).prop_map(|(mut body, changes)| {
        for (index, byte) in changes {
            let at = index.index(body.len());
            body[at] = byte;
        }
        body
    })
}

fn any_fixture<S: Sender>() -> impl Strategy<Value = Vec<u8>> {
    proptest::sample::select(Door::<S>::fixtures()).prop_map(|name| Door::<S>::fixture(&name))
}

/// Waits in a property for what a test may await.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> Result<T, TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(future))
}
