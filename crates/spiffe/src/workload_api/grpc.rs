//! One call of gRPC over HTTP/2 on the socket: a message there, the first message back.

use super::{Endpoint, WorkloadApiError};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use std::time::Duration;

/// From the connection to the message. An agent answers at once, or, for a new workload, within seconds.
const DEADLINE: Duration = Duration::from_secs(10);
/// The largest message that is read: bundles of many trust domains.
const MAX_MESSAGE: usize = 4 << 20;
/// A message has this before it: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// The status of gRPC for a caller that nothing is for (SPIFFE Workload API §4.5, Workload Endpoint §6).
const PERMISSION_DENIED: u32 = 7;

/// Calls a method of `SpiffeWorkloadAPI`. What streams is read up to its first message: that is all there is now.
pub(super) async fn call(
    endpoint: &Endpoint,
    method: &'static str,
    message: Vec<u8>,
) -> Result<Bytes, WorkloadApiError> {
    let late = |_| WorkloadApiError::Late(endpoint.to_string());
    tokio::time::timeout(DEADLINE, Box::pin(exchange(endpoint, method, &message))).await.map_err(late)?
}

#[cfg(unix)]
async fn exchange(
    endpoint: &Endpoint,
    method: &'static str,
    message: &[u8],
) -> Result<Bytes, WorkloadApiError> {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let socket = || endpoint.to_string();
    let odd = |e: hyper::Error| WorkloadApiError::Protocol { socket: socket(), cause: e.to_string() };
    let unreachable =
        |e: std::io::Error| WorkloadApiError::Unreachable { socket: socket(), cause: e.to_string() };
    let stream = tokio::net::UnixStream::connect(endpoint.path()).await.map_err(unreachable)?;
    let connecting = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = connecting.await.map_err(odd)?;
    // The connection lives as long as what drives it.
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request(method, message)?).await.map_err(odd)?;
    read(endpoint, method, response).await
}

#[cfg(not(unix))]
async fn exchange(
    _endpoint: &Endpoint,
    _method: &'static str,
    _message: &[u8],
) -> Result<Bytes, WorkloadApiError> {
    Err(WorkloadApiError::Unsupported)
}

fn request(method: &str, message: &[u8]) -> Result<Request<Full<Bytes>>, WorkloadApiError> {
    let length = u32::try_from(message.len()).map_err(|_| WorkloadApiError::Malformed)?;
    let mut body = BytesMut::with_capacity(PREFIX + message.len());
    body.put_u8(0);
    body.put_u32(length);
    body.put_slice(message);
    let request = Request::post(format!("http://localhost/SpiffeWorkloadAPI/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        // Without it the agent refuses: so that a server that is talked into asking others cannot ask the agent
        // (Workload Endpoint §3).
        .header("workload.spiffe.io", "true");
    request.body(Full::new(body.freeze())).map_err(|_| WorkloadApiError::Malformed)
}

async fn read(
    endpoint: &Endpoint,
    method: &'static str,
    response: Response<Incoming>,
) -> Result<Bytes, WorkloadApiError> {
    let odd = |cause: String| WorkloadApiError::Protocol { socket: endpoint.to_string(), cause };
    let (head, mut body) = response.into_parts();
    refused(method, &head.headers)?;
    if head.status != http::StatusCode::OK {
        return Err(odd(format!("status {}", head.status.as_u16())));
    }
    let mut kept = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| odd(e.to_string()))?;
        if let Some(trailers) = frame.trailers_ref() {
            refused(method, trailers)?;
        }
        if let Ok(data) = frame.into_data() {
            kept.extend_from_slice(&data);
        }
        if let Some(message) = whole(&mut kept)? {
            return Ok(message);
        }
    }
    Err(odd("the answer ended before its first message".to_owned()))
}

/// The first message, if all of it is there.
fn whole(kept: &mut BytesMut) -> Result<Option<Bytes>, WorkloadApiError> {
    let Some((&[compressed, a, b, c, d], rest)) = kept.split_first_chunk::<PREFIX>() else { return Ok(None) };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if compressed != 0 || length > MAX_MESSAGE {
        return Err(WorkloadApiError::Malformed);
    }
    if rest.len() < length {
        return Ok(None);
    }
    kept.advance(PREFIX);
    Ok(Some(kept.split_to(length).freeze()))
}

fn refused(method: &'static str, headers: &HeaderMap) -> Result<(), WorkloadApiError> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let Some(status) = text("grpc-status") else { return Ok(()) };
    match status.parse() {
        Ok(0) => Ok(()),
        Ok(PERMISSION_DENIED) => Err(WorkloadApiError::NoIdentity),
        Ok(status) => {
            let message = text("grpc-message").unwrap_or_default().chars().take(300).collect();
            Err(WorkloadApiError::Refused { method, status, message })
        }
        Err(_) => Err(WorkloadApiError::Malformed),
    }
}
