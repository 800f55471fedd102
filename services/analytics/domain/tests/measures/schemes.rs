//! Mode B under the schemes that the published vectors have only for mode A.
//!
//! The numbers in `pls_mode_b.json` come from the Python package plspm 0.5.7 (numpy 2.4.6) on the
//! data and model of the vector `pub.pls.mode_b`, each item standardised beforehand (n - 1),
//! `scaled=False`, `Scheme.PATH` and `Scheme.FACTORIAL`, at most 3,000 iterations, tolerance
//! 1e-13; weights times √((n - 1)/n), since plspm's scores have variance 1 with the divisor n. In
//! the same run `Scheme.CENTROID` gave the numbers of the vector to 3e-10.

use serde_json::{Map, Value, json};

use crate::{compute, near};

/// What is left of an iteration that stops at a change of 1e-7 and less.
const TOLERANCE: f64 = 5e-6;

fn fit(scheme: &str) -> Value {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../vectors.json")).expect("vectors are readable");
    let vector = vectors.into_iter().find(|v| v["id"] == "pub.pls.mode_b").expect("the vector");
    let mut input = vector["input"].clone();
    input["scheme"] = json!(scheme);
    let found = compute("pls.path_model", input);
    let paths = found["paths"].as_array().expect("paths").iter();
    let paths: Vec<Value> = paths.map(|path| path["coef"].clone()).collect();
    let mut shown = Map::new();
    shown.insert("paths".to_owned(), Value::Array(paths));
    for key in ["r2", "loadings", "weights"] {
        shown.insert(key.to_owned(), found[key].clone());
    }
    Value::Object(shown)
}

#[test]
fn mode_b_under_the_path_and_the_factorial_scheme_gives_the_numbers_of_plspm() {
    let wanted: Value =
        serde_json::from_str(include_str!("../pls_mode_b.json")).expect("numbers are readable");
    for (scheme, other) in [("path", "factorial"), ("factorial", "path")] {
        let found = fit(scheme);
        for key in ["paths", "r2", "loadings", "weights"] {
            let (found, wanted) = (&found[key], &wanted[scheme][key]);
            assert!(near(found, wanted, TOLERANCE), "{scheme} {key}: {found}, not {wanted}");
        }
        // The control: the other scheme's numbers are told apart.
        assert!(!near(&found["paths"], &wanted[other]["paths"], TOLERANCE), "{scheme}");
        assert!(!near(&found["weights"], &wanted[other]["weights"], TOLERANCE), "{scheme}");
    }
}
