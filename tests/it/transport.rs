//! The transport, over real sockets and a small schema of its own.

#[path = "transport_clients.rs"]
mod clients;
#[path = "transport_events.rs"]
mod events;
#[path = "transport_http.rs"]
mod http;
#[path = "transport_page.rs"]
mod page;
#[path = "transport_server.rs"]
mod server;
#[path = "transport_site.rs"]
mod site;
#[path = "transport_socket.rs"]
mod socket;
#[path = "transport_wire.rs"]
mod wire;
