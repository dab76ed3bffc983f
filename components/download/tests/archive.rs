//! Archives as another implementation reads them: Python's `zipfile`, which checks every checksum.

use std::io::Write;
use std::process::Command;

use image2model_download::archive::{Planned, SizeChanged, Writer, total_length};

fn planned(name: &str, content: &[u8]) -> Planned {
    Planned { name: name.to_owned(), size: content.len() as u64, modified_ms: 1_795_171_580_000 }
}

fn archive(entries: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, SizeChanged> {
    let mut writer = Writer::default();
    let mut out = Vec::new();
    for (name, content) in entries {
        out.extend(writer.begin(&planned(name, content)));
        for chunk in content.chunks(1000) {
            writer.count(chunk)?;
            out.extend_from_slice(chunk);
        }
        out.extend(writer.end()?);
    }
    out.extend(writer.finish());
    Ok(out)
}

#[test]
fn python_reads_every_entry() -> anyhow::Result<()> {
    let entries = [
        ("manifest.json", b"{}".to_vec()),
        ("стул 🪑.glb", (0..70_000_u32).flat_map(u32::to_le_bytes).collect()),
        ("empty.glb", Vec::new()),
    ];
    let bytes = archive(&entries)?;
    let plan: Vec<Planned> = entries.iter().map(|(name, content)| planned(name, content)).collect();
    assert_eq!(bytes.len() as u64, total_length(&plan), "the announced length");
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(&bytes)?;
    let script = "import sys, zipfile\n\
        z = zipfile.ZipFile(sys.argv[1])\n\
        assert z.testzip() is None\n\
        for i in z.infolist(): print(i.filename, i.file_size, '%d-%02d-%02d %02d:%02d:%02d' % i.date_time, i.compress_type)\n";
    let output =
        Command::new("python3").env("PYTHONIOENCODING", "utf-8").args(["-c", script]).arg(file.path()).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        String::from_utf8(output.stdout)?,
        "manifest.json 2 2026-11-20 10:46:20 0\n\
         стул 🪑.glb 280000 2026-11-20 10:46:20 0\n\
         empty.glb 0 2026-11-20 10:46:20 0\n"
    );
    Ok(())
}

#[test]
fn more_entries_than_sixteen_bits_can_count() -> anyhow::Result<()> {
    let names: Vec<String> = (0..70_000).map(|n| n.to_string()).collect();
    let entries: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), Vec::new())).collect();
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(&archive(&entries)?)?;
    let script = "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).infolist()))";
    let output = Command::new("python3").args(["-c", script]).arg(file.path()).output()?;
    assert_eq!(String::from_utf8(output.stdout)?, "70000\n", "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[test]
fn five_gigabytes_are_found_again_by_zip64() -> anyhow::Result<()> {
    // A sparse file: only the records around the content are written.
    use std::io::{Seek, SeekFrom};

    const LARGE: u64 = 5 << 30;
    let large = Planned { name: "large.glb".to_owned(), size: LARGE, modified_ms: 0 };
    let after = planned("after.glb", b"here");
    let mut file = tempfile::NamedTempFile::new()?;
    let mut writer = Writer::default();
    file.write_all(&writer.begin(&large))?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..LARGE >> 20 {
        writer.count(&zeros)?;
    }
    file.seek(SeekFrom::Current(i64::try_from(LARGE)?))?;
    file.write_all(&writer.end()?)?;
    file.write_all(&writer.begin(&after))?;
    writer.count(b"here")?;
    file.write_all(b"here")?;
    file.write_all(&writer.end()?)?;
    file.write_all(&writer.finish())?;
    assert_eq!(file.as_file().metadata()?.len(), total_length(&[large, after]));
    let script = "import sys, zipfile\n\
        z = zipfile.ZipFile(sys.argv[1])\n\
        print([i.file_size for i in z.infolist()], z.read('after.glb'), z.open('large.glb').read(4))\n";
    let output = Command::new("python3").args(["-c", script]).arg(file.path()).output()?;
    let expected = "[5368709120, 4] b'here' b'\\x00\\x00\\x00\\x00'\n";
    assert_eq!(String::from_utf8(output.stdout)?, expected, "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[test]
fn a_content_of_another_size_is_noticed() {
    let mut writer = Writer::default();
    writer.begin(&planned("a", b"1234"));
    assert_eq!(writer.count(b"12345"), Err(SizeChanged));
    let mut writer = Writer::default();
    writer.begin(&planned("a", b"1234"));
    assert_eq!(writer.count(b"123"), Ok(()));
    assert_eq!(writer.end(), Err(SizeChanged));
}
