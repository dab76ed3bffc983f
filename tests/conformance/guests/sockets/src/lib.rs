//! Connects to an echo by TCP, by WASI 0.3 (`/newer/127.0.0.1:7/text`) or as the standard library does, by 0.2
//! (`/older/…`), and answers with what came back. `/many/n` makes n sockets by 0.3, `/several/127.0.0.1:7/n` n connections by
//! 0.2, and answers how many of them it was refused, `/listen` and `/datagrams` with what became of a socket that waits for others and one of UDP.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddrV4, TcpListener, TcpStream, UdpSocket};

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use spin_sdk::wasip3::sockets::types::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket};
use spin_sdk::wasip3::wit_stream;

async fn newer(address: SocketAddrV4, text: &str) -> Result<String, ErrorCode> {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4)?;
    let octets = address.ip().octets();
    let place = Ipv4SocketAddress { port: address.port(), address: (octets[0], octets[1], octets[2], octets[3]) };
    socket.connect(IpSocketAddress::Ipv4(place)).await?;
    let (mut writer, reader) = wit_stream::new();
    let sent = socket.send(reader);
    writer.write_all(text.as_bytes().to_vec()).await;
    drop(writer);
    sent.await?;
    let (answer, ended) = socket.receive();
    let bytes = answer.collect().await;
    ended.await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn older(address: SocketAddrV4, text: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[http_service]
async fn answer(request: Request) -> anyhow::Result<impl IntoResponse> {
    let path = request.uri().path().to_owned();
    let words: Vec<&str> = path.split('/').skip(1).collect();
    Ok(match words.as_slice() {
        ["newer", address, text] => format!("{:?}", newer(address.parse()?, text).await),
        ["older", address, text] => format!("{:?}", older(address.parse()?, text).map_err(|error| error.kind())),
        ["many", count] => {
            let made: Vec<_> = (0..count.parse()?).map(|_| TcpSocket::create(IpAddressFamily::Ipv4)).collect();
            let refused: Vec<_> = made.iter().filter_map(|made| made.as_ref().err()).collect();
            format!("{} refused, the last with {:?}", refused.len(), refused.last())
        }
        ["several", address, count] => {
            let address: SocketAddrV4 = address.parse()?;
            let made: Vec<_> = (0..count.parse()?).map(|_| TcpStream::connect(address)).collect();
            format!("{} refused", made.iter().filter(|made| made.is_err()).count())
        }
        ["listen"] => format!("{:?}", TcpListener::bind("0.0.0.0:0").map(drop).map_err(|error| error.kind())),
        ["datagrams"] => format!("{:?}", UdpSocket::bind("0.0.0.0:0").map(drop).map_err(|error| error.kind())),
        _ => "none".to_owned(),
    })
}
