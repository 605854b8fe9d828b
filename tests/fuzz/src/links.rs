//! Return paths, registration addresses, unsubscribe tokens: only what we made is ours.

use std::time::Duration;

use mail_model::{MessageId, NotificationId, UnixMs};
use return_links::{Keys, RegistrationAddresses, ReturnPaths, UnsubscribeLinks};

const WINDOW: Duration = Duration::from_secs(14 * 86_400);
/// Bits of a message id below its time.
const ID_TIME_SHIFT: u32 = 20;

/// The input is a local part that a stranger wrote, and the ids of what we mint.
pub fn run(data: &[u8]) {
    let keys = Keys::new(&[7; 32], [&[8; 40][..], &[9; 32][..]]).expect("the keys are long enough");
    let paths = ReturnPaths::new(keys.clone(), "b.todoke.example", WINDOW).expect("the domain is good");
    let schools = RegistrationAddresses::new(keys.clone(), "t.todoke.example").expect("the domain is good");
    let tokens = UnsubscribeLinks::new(keys, "b.todoke.example").expect("the domain is good");
    let text = String::from_utf8_lossy(data);

    // Nobody forges 80 bits by trying: whatever passes is what we mint.
    if let Ok(id) = paths.verify(&text, UnixMs(0)) {
        assert!(paths.mint(id).local().eq_ignore_ascii_case(&text));
    }
    if let Ok((number, generation)) = schools.verify(&text) {
        let own = schools.mint(number, generation);
        assert_eq!(schools.verify(own.local()), Ok((number, generation)));
        assert_eq!(own.local().len(), text.len());
    }
    if let Ok(id) = tokens.verify(&text) {
        assert!(tokens.token(id).eq_ignore_ascii_case(&text));
    }
    if let Ok(id) = tokens.verify_local(&text) {
        assert!(tokens.mailbox(id).local().eq_ignore_ascii_case(&text));
    }

    let byte = |at: usize| data.get(at).copied().unwrap_or(0);
    let number = |from: usize| u32::from_be_bytes([byte(from), byte(from + 1), byte(from + 2), byte(from + 3)]);
    let message = MessageId((u64::from(number(0)) << 32) | u64::from(number(4)));
    let id = NotificationId { message, index: number(8) };
    let made = UnixMs(message.0 >> ID_TIME_SHIFT);
    let path = paths.mint(id);
    assert_eq!(paths.verify(path.local(), made), Ok(id));
    assert_eq!(paths.verify(&path.local().to_ascii_uppercase(), made), Ok(id));
    assert!(paths.verify(path.local(), made + WINDOW + Duration::from_millis(1)).is_err());
    assert_eq!(schools.verify(schools.mint(number(0), byte(4)).local()), Ok((number(0), byte(4))));
    assert_eq!(tokens.verify_local(tokens.mailbox(id).local()), Ok(id));
    changed(&paths, &path, (byte(12), byte(13)), made);
}

/// One letter changed makes it a stranger's.
fn changed(paths: &ReturnPaths, path: &mail_model::EmailAddress, (place, letter): (u8, u8), now: UnixMs) {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut local = path.local().as_bytes().to_vec();
    let at = usize::from(place) % local.len();
    let new = LETTERS.get(usize::from(letter) % LETTERS.len()).copied().unwrap_or(b'a');
    if let Some(old) = local.get_mut(at).filter(|old| **old != new) {
        *old = new;
        let local = String::from_utf8_lossy(&local);
        assert!(paths.verify(&local, now).is_err(), "a changed return path is taken");
    }
}
