//! Forms as clients send them, good and bad, cut into chunks of many sizes.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use futures::executor::block_on;
use futures::{StreamExt, stream};
use image2model_domain::JobId;
use image2model_upload::intake::{Intake, IntakeError, Paced, StreamFault};
use support::{BOUNDARY, Form, JPEG, LIMITS, Memory, PNG, receive, receive_by, receive_stream, rest};

fn codes(error: &IntakeError) -> Vec<(String, String)> {
    match error {
        IntakeError::BadFiles(bad) => bad.iter().map(|file| (file.filename.clone(), file.code.clone())).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_image_is_stored_as_it_was_sent() {
    let body = Form::default()
        .text("face_limit", "20000")
        .file("files", "chair.jpg", "image/jpeg", JPEG)
        .text("something_else", "ignored")
        .file("files[]", "lamp.png", "image/png", PNG)
        .text("process", "false")
        .end();
    for size in [1, 2, 7, 64, 1000, 100_000] {
        let memory = Memory::default();
        let received = receive_by(&memory, &body, size).unwrap();
        assert_eq!(received.fields.options.face_limit(), Some(20_000), "chunks of {size}");
        assert!(!received.fields.process);
        let names: Vec<&str> = received.images.iter().map(|image| image.filename.as_str()).collect();
        assert_eq!(names, ["chair.jpg", "lamp.png"]);
        let stored = memory.stored.borrow();
        assert_eq!(stored[&received.images[0].key], JPEG);
        assert_eq!(stored[&received.images[1].key], PNG);
        assert_eq!(received.images[1].key, format!("uploads/{}/{}_original.png", "aa".repeat(16), "02".repeat(16)));
        assert_eq!(received.images[0].digest, Some(image2model_domain::digest::sha256_hex(JPEG)));
        assert_eq!((received.images[0].facts.width, received.images[0].facts.bytes), (48, JPEG.len() as u64));
    }
}

#[test]
fn every_bad_file_is_named_and_later_ones_are_not_stored() {
    let memory = Memory::default();
    let body = Form::default()
        .file("files", "../half.jpg", "image/jpeg", &JPEG[..JPEG.len() - 9])
        .file("files", "notes.txt", "text/plain", b"hello")
        .file("files", "good.png", "image/png", PNG)
        .end();
    let error = receive(&memory, &body).unwrap_err();
    assert_eq!(
        codes(&error),
        [
            ("half.jpg".to_owned(), "TRUNCATED_IMAGE".to_owned()),
            ("notes.txt".to_owned(), "UNSUPPORTED_EXTENSION".to_owned()),
        ]
    );
    assert!(memory.stored.borrow().is_empty());
    let problem = error.problem();
    assert_eq!((problem.status(), problem.code()), (400, "FILE_VALIDATION_ERROR"));
    let answer = problem.body("/api/v1/upload", "r");
    assert_eq!(answer["details"]["errors"][1]["filename"], "notes.txt");
}

#[test]
fn a_bad_file_is_told_by_its_place_where_others_have_its_name() {
    let body = Form::default()
        .file("files", "chair.jpg", "image/jpeg", JPEG)
        .file("files", "", "application/octet-stream", b"")
        .text("process", "false")
        .file("files", "chair.jpg", "image/jpeg", &JPEG[..JPEG.len() - 9])
        .file("files", "chair.jpg", "image/jpeg", PNG)
        .end();
    let answer = receive(&Memory::default(), &body).unwrap_err().problem().body("/api/v1/upload", "r");
    let errors = answer["details"]["errors"].as_array().unwrap();
    let told: Vec<_> =
        errors.iter().map(|e| (e["index"].as_u64(), e["filename"].as_str(), e["code"].as_str())).collect();
    let chair = Some("chair.jpg");
    assert_eq!(told, [(Some(1), chair, Some("TRUNCATED_IMAGE")), (Some(2), chair, Some("TYPE_MISMATCH"))]);
}

#[test]
fn content_has_to_be_what_the_name_says() {
    let memory = Memory::default();
    let error = receive(&memory, &Form::default().file("files", "chair.jpg", "image/jpeg", PNG).end()).unwrap_err();
    assert_eq!(codes(&error)[0].1, "TYPE_MISMATCH");
    // The store had begun and was told to forget it.
    assert_eq!((memory.abandoned.get(), memory.stored.borrow().len()), (1, 0));
}

#[test]
fn what_its_first_bytes_betray_never_reaches_the_store() {
    let memory = Memory::default();
    let error = receive(&memory, &Form::default().file("file", "a.png", "image/png", b"<html>").end()).unwrap_err();
    assert_eq!(codes(&error)[0].1, "NOT_AN_IMAGE");
    assert_eq!(memory.abandoned.get(), 0);
    let error = receive(&memory, &Form::default().file("file", "a.png", "image/png", b"").end()).unwrap_err();
    assert_eq!(codes(&error)[0].1, "EMPTY_FILE");
}

#[test]
fn size_alone_is_413() {
    let memory = Memory::default();
    let large = [JPEG, &[0; 100_000]].concat();
    let error = receive(&memory, &Form::default().file("files", "a.jpg", "image/jpeg", &large).end()).unwrap_err();
    assert_eq!((error.problem().status(), codes(&error)[0].1.as_str()), (413, "FILE_TOO_LARGE"));
    assert!(error.problem().detail().contains("too large"));
    let vast = Form::default().text("unknown", &"x".repeat(2_000_000)).end();
    let error = receive(&memory, &vast).unwrap_err();
    assert!(matches!(error, IntakeError::Stream(StreamFault::TooLarge { .. })), "{error:?}");
    assert_eq!(error.problem().status(), 413);
}

#[test]
fn too_many_and_none() {
    let memory = Memory::default();
    let mut form = Form::default();
    for _ in 0..4 {
        form = form.file("files", "a.jpg", "image/jpeg", JPEG);
    }
    let error = receive(&memory, &form.end()).unwrap_err();
    assert_eq!(codes(&error), [("a.jpg".to_owned(), "TOO_MANY_FILES".to_owned())]);
    let sentence = "Too many files: at most 3 files are accepted at once.";
    assert_eq!(error.problem().detail(), sentence);
    let five = (0..5).fold(Form::default(), |form, _| form.file("files", "a.jpg", "image/jpeg", JPEG));
    assert_eq!(receive(&memory, &five.end()).unwrap_err().problem().detail(), sentence);
    let hundred = (0..100).fold(Form::default(), |form, _| form.file("files", "a.jpg", "image/jpeg", JPEG));
    assert_eq!(receive(&memory, &hundred.end()).unwrap_err().problem().detail(), sentence);
    let and_a_bad_one = Form::default().file("files", "a.txt", "text/plain", b"x");
    let and_a_bad_one = (0..3).fold(and_a_bad_one, |form, _| form.file("files", "a.jpg", "image/jpeg", JPEG));
    assert!(receive(&memory, &and_a_bad_one.end()).unwrap_err().problem().detail().starts_with("2 files"));
    assert_eq!((error.problem().status(), error.problem().code()), (400, "FILE_VALIDATION_ERROR"));
    let empty_input = Form::default().file("files", "", "application/octet-stream", b"").end();
    for body in [Form::default().end(), Form::default().text("a", "b").end(), empty_input] {
        let error = receive(&memory, &body).unwrap_err();
        assert!(matches!(error, IntakeError::NoFiles), "{error:?}");
        let answer = error.problem().body("/", "r");
        assert_eq!((&answer["status"], &answer["error_code"]), (&422.into(), &"VALIDATION_ERROR".into()));
        assert_eq!(answer["details"]["field"], "files");
    }
}

#[test]
fn what_is_not_to_be_stored_is_looked_at_all_the_same() {
    let memory = Memory::default();
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let looked_at = |body: Vec<u8>| {
        let intake = Intake {
            services: &memory,
            limits: LIMITS,
            job: JobId::from_random([1; 16]),
            digests: true,
            stores: false,
        };
        let chunks = stream::iter([Ok(Bytes::from(body))]);
        block_on(intake.receive(&content_type, &mut Paced::new(chunks, 1_000_000)))
    };
    let received = looked_at(Form::default().file("files", "a.jpg", "image/jpeg", JPEG).end()).unwrap();
    assert_eq!(received.images[0].digest, Some(image2model_domain::digest::sha256_hex(JPEG)));
    let bad = looked_at(Form::default().file("files", "a.jpg", "image/jpeg", &JPEG[..JPEG.len() - 9]).end());
    assert_eq!(codes(&bad.unwrap_err())[0].1, "TRUNCATED_IMAGE");
    assert!(memory.stored.borrow().is_empty());
}

#[test]
fn only_what_is_sent_can_be_of_another_media_type() {
    let memory = Memory::default();
    let intake =
        Intake { services: &memory, limits: LIMITS, job: JobId::from_random([0xaa; 16]), digests: false, stores: true };
    let of = |content_type: &str, chunks: &[&'static [u8]]| {
        let chunks = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect::<Vec<_>>();
        block_on(intake.receive(content_type, &mut Paced::new(stream::iter(chunks), 1000))).unwrap_err()
    };
    assert!(matches!(of("", &[]), IntakeError::NoFiles));
    assert!(matches!(of("", &[b""]), IntakeError::NoFiles));
    assert!(matches!(of("", &[b"", b"x"]), IntakeError::NotAForm));
    assert!(matches!(of("text/plain", &[]), IntakeError::NotAForm));
    let form = format!("multipart/form-data; boundary={BOUNDARY}");
    assert!(matches!(of(&form, &[]), IntakeError::NoFiles));
    assert!(matches!(of(&form, &[b"\r\n"]), IntakeError::Malformed(_)));
}

#[test]
fn bad_fields_name_themselves() {
    for (name, value) in [("face_limit", "7"), ("process", "maybe"), ("model", "../x")] {
        let body = Form::default().text(name, value).file("files", "a.jpg", "image/jpeg", JPEG).end();
        let error = receive(&Memory::default(), &body).unwrap_err();
        let answer = error.problem().body("/", "r");
        assert_eq!((&answer["status"], &answer["details"]["field"]), (&422.into(), &name.into()));
    }
    let long = Form::default().text("model", &"m".repeat(5000)).end();
    assert!(matches!(receive(&Memory::default(), &long), Err(IntakeError::Field(_))));
}

#[test]
fn forms_that_are_none() {
    let memory = Memory::default();
    let whole = Form::default().file("files", "a.jpg", "image/jpeg", JPEG).end();
    for end in [1, 30, 100, 200, whole.len() - 20] {
        assert!(matches!(receive(&memory, &whole[..end]), Err(IntakeError::Malformed(_))), "ended after {end}");
    }
    for length in [16 * 1024, 64 * 1024, 300_000] {
        let long_head = Form::default().part("x", &format!("; filename=\"{}\"", "y".repeat(length)), b"").end();
        assert!(matches!(receive(&memory, &long_head), Err(IntakeError::Stream(StreamFault::HeadTooLong))), "{length}");
    }
    let mut many = Form::default();
    for n in 0..36 {
        many = many.text(&format!("f{n}"), "");
    }
    assert!(matches!(receive(&memory, &many.end()), Err(IntakeError::TooManyParts)));
    let mut many = Form::default();
    for _ in 0..36 {
        many = many.file("files", "", "application/octet-stream", b"");
    }
    assert!(matches!(receive(&memory, &many.end()), Err(IntakeError::TooManyParts)), "empty ones count too");
}

#[test]
fn a_client_that_leaves_is_told_to_the_store() {
    let memory = Memory::default();
    let body = Form::default().file("files", "a.jpg", "image/jpeg", JPEG).end();
    let piece = |from: usize, to: usize| Ok(Bytes::copy_from_slice(&body[from..to]));
    let chunks = [piece(0, 300), piece(300, 400), piece(400, 500), Err(StreamFault::Gone)];
    let error = receive_stream(&memory, stream::iter(chunks)).unwrap_err();
    assert!(matches!(error, IntakeError::Stream(StreamFault::Gone)), "{error:?}");
    assert_eq!((memory.abandoned.get(), memory.stored.borrow().len()), (1, 0));
}

#[test]
fn a_body_has_to_end_and_what_follows_the_form_means_nothing() {
    let memory = Memory::default();
    let form = Form::default().file("files", "a.jpg", "image/jpeg", JPEG).end();
    let whole = [b"a preamble\r\n".as_slice(), &form, b"an epilogue\r\n", &[b'x'; 300_000]].concat();
    assert_eq!(receive(&memory, &whole).unwrap().images.len(), 1);
    let chunks = [Ok(Bytes::from(form)), Err(StreamFault::Gone)];
    let error = receive_stream(&memory, stream::iter(chunks)).unwrap_err();
    assert!(matches!(error, IntakeError::Stream(StreamFault::Gone)), "{error:?}");
}

#[test]
fn names_and_encodings_are_read_as_clients_write_them() {
    let memory = Memory::default();
    let odd = "; x=\"name=bad\"; filename*=UTF-8''%D1%81%D1%82%D1%83%D0%BB.jpg; filename=\"stul.jpg\"\r\nContent-Type: image/jpeg";
    let received = receive(&memory, &Form::default().part("files", odd, JPEG).end()).unwrap();
    assert_eq!(received.images[0].filename, "стул.jpg");
    let encoded = |encoding: &str| {
        let head = format!("; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: {encoding}");
        receive(&memory, &Form::default().part("files", &head, JPEG).end())
    };
    assert!(encoded("Binary").is_ok());
    assert_eq!(codes(&encoded("base64").unwrap_err())[0].1, "UNSUPPORTED_ENCODING");
}

#[test]
fn a_body_that_is_cut_off_is_told_to_the_store() {
    let memory = Memory::default();
    let body = Form::default().file("files", "a.jpg", "image/jpeg", JPEG).end();
    let first = Bytes::copy_from_slice(&body[..400]);
    let silent = stream::iter([Ok(first)]).chain(stream::pending());
    let intake =
        Intake { services: &memory, limits: LIMITS, job: JobId::from_random([1; 16]), digests: false, stores: true };
    let mut body = Paced::new(silent, LIMITS.max_total_bytes());
    let watch = body.watch();
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let receiving = intake.receive(&content_type, &mut body);
    let cutting = async {
        // As the component does: looks now and then, in the same task.
        while !(watch.is_waiting() && watch.received() == 400) {
            rest().await;
        }
        watch.cut();
    };
    let (received, ()) = block_on(async { futures::join!(receiving, cutting) });
    let error = received.unwrap_err();
    assert!(matches!(error, IntakeError::Stream(StreamFault::TooSlow)), "{error:?}");
    assert_eq!(error.problem().status(), 408);
    assert_eq!((memory.abandoned.get(), memory.stored.borrow().len()), (1, 0));
}

#[test]
fn a_store_that_is_away_is_503_with_retry_after() {
    let mut memory = Memory::default();
    memory.away = true;
    let body = Form::default().file("files", "a.jpg", "image/jpeg", JPEG).end();
    let problem = receive(&memory, &body).unwrap_err().problem();
    assert_eq!(problem.status(), 503);
    assert!(problem.headers().iter().any(|(name, _)| *name == "retry-after"));
}

#[test]
fn a_store_without_room_says_so_and_when_to_come_back() {
    let mut memory = Memory::default();
    memory.full = true;
    let body = Form::default().file("files", "a.jpg", "image/jpeg", JPEG).end();
    let problem = receive(&memory, &body).unwrap_err().problem();
    assert_eq!((problem.status(), problem.code()), (503, "STORAGE_FULL"));
    assert!(problem.headers().iter().any(|(name, _)| *name == "retry-after"));
}

#[test]
fn a_body_that_is_always_ready_waits_for_the_store() {
    let memory = Memory::default();
    let body = Form::default().file("files", "a.jpg", "image/jpeg", &[JPEG, &[0; 90_000]].concat()).end();
    let chunks: Vec<_> = body.chunks(1000).map(Bytes::copy_from_slice).collect();
    let read = Arc::clone(&memory.read);
    let counted = stream::iter(chunks.into_iter().map(move |chunk| {
        read.fetch_add(1, Relaxed);
        Ok(chunk)
    }));
    receive_stream(&memory, counted).unwrap();
    assert!(memory.furthest_ahead.get() < 8, "{} chunks were read ahead", memory.furthest_ahead.get());
}
