//! The client of the Workload API before an agent that is played. The real one is in `interop/`.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prokura_spiffe::workload_api::{Endpoint, WorkloadApiError};
use prokura_spiffe::{SpiffeId, TrustDomain};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::UnixListener;

/// What the agent was asked: method, whether the header was there, the message.
type Asked = Arc<Mutex<Vec<(String, bool, Vec<u8>)>>>;

struct Agent {
    endpoint: Endpoint,
    asked: Asked,
    _folder: tempfile::TempDir,
}

/// An agent that answers each call with these frames and this status, and then leaves the stream open or not.
async fn agent(frames: Vec<Vec<u8>>, status: Option<&'static str>) -> Agent {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (frames, seen) = (frames.clone(), Arc::clone(&seen));
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let (frames, seen) = (frames.clone(), Arc::clone(&seen));
                async move { Ok::<_, Infallible>(answer(request, frames, status, &seen).await) }
            });
            tokio::spawn(
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    Agent { endpoint: Endpoint::parse(path.to_str().unwrap()).unwrap(), asked, _folder: folder }
}

async fn answer(
    request: Request<Incoming>,
    frames: Vec<Vec<u8>>,
    status: Option<&'static str>,
    seen: &Asked,
) -> Response<impl hyper::body::Body<Data = Bytes, Error = Infallible> + use<>> {
    let marked = request.headers().get("workload.spiffe.io").is_some_and(|v| v == "true");
    let method = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes().to_vec();
    seen.lock().unwrap().push((method, marked, body));
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    for frame in frames {
        sender.send(Frame::data(Bytes::from(frame))).unwrap();
    }
    if let Some(status) = status {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static(status));
        trailers.insert("grpc-message", HeaderValue::from_static("said so"));
        sender.send(Frame::trailers(trailers)).unwrap();
    } else {
        // A stream goes on.
        std::mem::forget(sender);
    }
    Response::new(StreamBody::new(futures(receiver)))
}

fn futures(
    receiver: tokio::sync::mpsc::UnboundedReceiver<Frame<Bytes>>,
) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> {
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|frame| (Ok(frame), receiver))
    })
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend(bytes);
    out
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

#[tokio::test]
async fn a_jwt_svid_is_asked_for_by_its_audience() {
    let svid = [field(1, b"spiffe://example.org/x"), field(2, b"a.b.c"), field(3, b"internal")].concat();
    let agent = agent(vec![framed(&field(1, &svid))], Some("0")).await;
    let id = SpiffeId::parse("spiffe://example.org/x").unwrap();
    let svids = agent.endpoint.jwt_svids("https://as.example", Some(&id)).await.unwrap();
    assert_eq!((svids[0].token.as_str(), svids[0].hint.as_deref()), ("a.b.c", Some("internal")));
    let asked = agent.asked.lock().unwrap().clone();
    let message = [field(1, b"https://as.example"), field(2, b"spiffe://example.org/x")].concat();
    assert_eq!(asked, [("/SpiffeWorkloadAPI/FetchJWTSVID".to_owned(), true, framed(&message))]);
    assert!(!format!("{svids:?}").contains("a.b.c"), "a token is not for logs");
}

#[tokio::test]
async fn of_a_stream_the_first_message_is_read_in_whatever_pieces_it_comes() {
    let entry = [field(1, b"spiffe://example.org"), field(2, &[7; 300])].concat();
    let message = framed(&field(2, &entry));
    let pieces = vec![message[..3].to_vec(), message[3..100].to_vec(), message[100..].to_vec()];
    let agent = agent(pieces, None).await;
    let bundles = agent.endpoint.x509_bundles().await.unwrap();
    assert_eq!(bundles.get(&TrustDomain::parse("example.org").unwrap()), Some(&vec![7; 300]));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let nobody = agent(Vec::new(), Some("7")).await;
    assert_eq!(nobody.endpoint.x509_svids().await, Err(WorkloadApiError::NoIdentity));
    let busy = agent(Vec::new(), Some("14")).await;
    let said = busy.endpoint.jwt_bundles().await.unwrap_err().to_string();
    assert!(said.contains("status 14") && said.contains("said so"), "{said}");
    let empty = agent(vec![framed(&[])], Some("0")).await;
    assert_eq!(empty.endpoint.jwt_svids("a", None).await, Err(WorkloadApiError::NoIdentity));
    for odd in [vec![1, 0, 0, 0, 0], vec![0, 0xff, 0, 0, 0], framed(&[0x0a, 9])] {
        let odd = agent(vec![odd], Some("0")).await;
        assert_eq!(odd.endpoint.jwt_svids("a", None).await, Err(WorkloadApiError::Malformed));
    }
    let cut = agent(vec![vec![0, 0, 0, 0, 9, 1]], Some("0")).await;
    assert!(matches!(cut.endpoint.jwt_svids("a", None).await, Err(WorkloadApiError::Protocol { .. })));
    let gone = Endpoint::parse("/nonexistent/agent.sock").unwrap();
    let said = gone.jwt_svids("a", None).await.unwrap_err().to_string();
    assert!(said.contains("Is the agent running"), "{said}");
}
