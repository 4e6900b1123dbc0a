//! How much a body may hold, counted before anything is built from it.
//!
//! **Bounds come before the work.** A body is counted (`bounds.rs`) before anything is built from it, and cut to
//! what its schema can have (`Shape::clip`) before it is checked: the validator collects every error of an array
//! before it hands out the first. Of unknown fields 101 are kept and the others counted, so that the answer still
//! says how many. What is larger than 16 KiB is read on a blocking thread, as many at a time as there are cores. A
//! key is looked up before its request's body is read.

/// Most values of a JSON body, those inside others included. The largest booking that the schemas allow has about
/// 800; a parsed value takes up to 600 bytes.
pub const MOST_VALUES: usize = 16_000;

/// Whether a JSON text has at most [`MOST_VALUES`] values: what opens, and what a comma parts. One pass, no memory. Of
/// what is not JSON it says nothing useful, and the parser will.
pub fn holds(text: &[u8]) -> bool {
    let mut values = 0;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' | b',' => values += 1,
            b'"' => skip_text(&mut bytes),
            _ => {}
        }
        if values > MOST_VALUES {
            return false;
        }
    }
    true
}

fn skip_text(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_texts_only() {
        let zeros = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
        assert!(holds(zeros(MOST_VALUES).as_bytes()));
        assert!(!holds(zeros(MOST_VALUES + 2).as_bytes()));
        assert!(!holds("[".repeat(MOST_VALUES + 1).as_bytes()));
        let text = format!(r#"{{"a": "{}\"[,{{"}}"#, ",[{".repeat(MOST_VALUES));
        assert!(holds(text.as_bytes()));
    }
}
