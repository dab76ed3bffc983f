//! Components are compiled by a process of their own, which can come to harm alone.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image2model_host::edge::EdgeError;

use crate::harness::{App, guest};

const PROGRAM: &str = env!("CARGO_BIN_EXE_image2model");

/// A program that does this in its place.
fn script(folder: &Path, lines: &str) -> PathBuf {
    let path = folder.join("compiler");
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// `hello` on a host that has compiled nothing yet.
fn hello() -> App {
    let mut app = App::new().route("/hello", "hello", "");
    app.cache = app.folder().join("cache");
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn code_comes_from_a_process_that_knows_nothing_of_the_host() {
    let mut app = hello();
    let seen = app.folder().join("seen");
    app.compiler = Some(script(app.folder(), &format!("echo $* >> {0:?}; env >> {0:?}; exec {PROGRAM} $*", seen)));
    drop(app.load().await.unwrap());
    let told = std::fs::read_to_string(&seen).unwrap();
    let (arguments, variables) = told.split_once('\n').unwrap();
    let names: Vec<&str> = variables.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert_eq!(arguments, "compile");
    // What the shell adds by itself, and where a build that counts puts its counts.
    let known = ["RAYON_NUM_THREADS", "LLVM_PROFILE_FILE", "PWD", "OLDPWD", "SHLVL", "_"];
    assert!(names.contains(&"RAYON_NUM_THREADS") && names.iter().all(|name| known.contains(name)), "{names:?}");

    // Kept, it need not be compiled again.
    app.compiler = Some(script(app.folder(), "exit 3"));
    let host = app.start().await;
    assert_eq!(host.get("/hello").await.text(), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_is_wrong_with_a_component_in_the_same_words() {
    let mut damaged = std::fs::read(guest("hello")).unwrap();
    let half = damaged.len() / 2;
    damaged[half..half + 64].fill(0xff);
    let mut said = Vec::new();
    for compiler in [None, Some(PROGRAM.into())] {
        let mut app = App::new();
        let file = app.folder().join("damaged.wasm");
        std::fs::write(&file, &damaged).unwrap();
        app = app.file("damaged", &file, "").more("[[trigger.http]]\nroute = \"/\"\ncomponent = \"damaged\"\n");
        app.cache = app.folder().join("cache");
        app.compiler = compiler;
        let error = app.load().await.err().unwrap();
        assert!(matches!(error, EdgeError::NotAComponent { .. }), "{error}");
        let left = std::fs::read_dir(&app.cache).unwrap().count();
        assert_eq!(left, 0, "something is kept of it");
        said.push(error.to_string());
    }
    assert_eq!(said.first(), said.last());
}

/// As large as on Spin. What is larger is a component all the same, and the manifest says which.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_may_be_as_large_as_on_spin() {
    let load = async |elements: u32, tables: usize, compiler: Option<PathBuf>| {
        let tables = "(table 10 funcref)".repeat(tables - 1);
        let text = format!(
            "(component (core module $m (table {elements} funcref) {tables} (memory 1) (memory 1))
            (core instance (instantiate $m)))"
        );
        let mut app = App::new();
        let file = app.folder().join("large.wasm");
        std::fs::write(&file, wat::parse_str(text).unwrap()).unwrap();
        app = app.more("[[trigger.http]]\nroute = \"/\"\ncomponent = \"large\"\n").file("large", &file, "");
        app.cache = app.folder().join("cache");
        app.compiler = compiler;
        app.load().await.err().unwrap()
    };
    for compiler in [None, Some(PathBuf::from(PROGRAM))] {
        let fits = load(100_000, 2, compiler.clone()).await;
        assert!(matches!(&fits, EdgeError::Link { message, .. } if message.contains("wasi:http")), "{fits}");
        for (elements, tables) in [(100_001, 1), (1, 3)] {
            let error = load(elements, tables, compiler.clone()).await;
            let (code, text) = (error.code(), error.to_string());
            assert_eq!(code, "COMPONENT_TOO_LARGE", "{text}");
            assert!(text.starts_with("line 9: component \"large\"") && text.contains("limit of"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiler_that_is_killed_takes_nothing_with_it() {
    let mut app = hello();
    app.compiler = Some(script(app.folder(), "kill -9 $$"));
    let error = app.load().await.err().unwrap();
    assert!(matches!(&error, EdgeError::Engine(why) if why.contains("signal: 9")), "{error}");
    assert_eq!(std::fs::read_dir(&app.cache).unwrap().count(), 0);
}

/// The kernel's own threads, without which nothing is synced to a disk, come before it as well.
#[cfg(target_os = "linux")]
#[test]
fn its_priority_counts_in_the_whole_machine() {
    // It says itself what it is called in /proc, which in a container may be the machine's.
    let mut compiler = Command::new("sh")
        .args(["-c", "read id rest </proc/self/stat; echo $id; exec nice -n 7 \"$0\" compile", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut id = String::new();
    BufReader::new(compiler.stdout.take().unwrap()).read_line(&mut id).unwrap();
    let id = id.trim().to_owned();
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
    // After the name, in parentheses: state, parent, group, session (`proc_pid_stat(5)`).
    let session = || read("stat").rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(3).map(str::to_owned));
    // A kernel without sessions that share has no such file, or nothing in it.
    let share = || read("autogroup").trim().rsplit(' ').next().unwrap().to_owned();
    let is_in_place = || session().as_ref() == Some(&id) && ["", "7"].contains(&share().as_str());
    let began = Instant::now();
    while !is_in_place() {
        assert!(began.elapsed() < Duration::from_secs(30), "session {:?}, share {:?}", session(), share());
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(compiler.stdin.take());
    compiler.wait().unwrap();
}

/// A disk that is full is no fault of the component's.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_cannot_write_leaves_it_to_the_host() {
    let mut app = hello();
    app.compiler = Some(script(app.folder(), &format!("exec {PROGRAM} $* > /dev/full")));
    let host = app.start().await;
    assert_eq!(host.get("/hello").await.text(), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_process_can_be_had_it_is_done_here() {
    let mut app = hello();
    app.compiler = Some(app.folder().join("nothing"));
    let host = app.start().await;
    assert_eq!(host.get("/hello").await.text(), "hello");
}
