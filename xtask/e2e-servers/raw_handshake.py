"""One hand-made WebSocket handshake, told in one line.

Says how a staged deployment really behaves, without any line of the program under test. It takes the
program's own arguments; those it does not know are ignored.
"""
import argparse, base64, os, socket, ssl, struct, sys, time
from urllib.parse import urlsplit

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--origin")
parser.add_argument("--page")
parser.add_argument("--subprotocol", action="append", default=[])
parser.add_argument("--ca")
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--via")
parser.add_argument("--via-mode", default="auto")
parser.add_argument("--hold")
parser.add_argument("--size")
parser.add_argument("--resolve", action="append", default=[])
parser.add_argument("--dns")
parser.add_argument("-H", dest="headers", action="append", default=[])
parser.add_argument("--cookie")
parser.add_argument("--repeat", type=int, default=1)
parser.add_argument("--together", action="store_true")
args, _ = parser.parse_known_args()
LIMIT = 6.0


def say(text):
    print(" ".join(text.split()))
    sys.exit(0)


def ask_dns(server, name, kind):
    """A one-question DNS client: the system's cannot be pointed at another port."""
    host, port = server.rsplit(":", 1)
    query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0)
    query += b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0" + struct.pack(">HH", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(3)
        udp.connect((host, int(port)))
        try:
            udp.send(query)
            reply = udp.recv(4096)
        except socket.timeout:
            say("dns: no answer")
        except OSError as error:
            say(f"dns: {error}")
    code = reply[3] & 15
    if code:
        say("dns: " + {2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}.get(code, str(code)))
    at, found = len(query), []
    for _ in range(struct.unpack(">H", reply[6:8])[0]):
        kind_at = at + 2 if reply[at] >= 0xC0 else reply.index(0, at) + 1
        found_kind, _, _, length = struct.unpack(">HHIH", reply[kind_at : kind_at + 10])
        data = reply[kind_at + 10 : kind_at + 10 + length]
        if found_kind == kind and kind == 1:
            found.append(socket.inet_ntoa(data))
        elif found_kind == kind:
            found.append(data.hex())
        at = kind_at + 10 + length
    return found


def tcp(host, port, follow_flags=True):
    if follow_flags:
        for entry in args.resolve:
            name, at, address = entry.split(":", 2)
            if (name, int(at)) == (host, port):
                host = address.strip("[]")
    if args.dns and not host.replace(".", "").isdigit():
        addresses = ask_dns(args.dns, host, 1)
        if not addresses:
            say("dns: empty answer")
        host = addresses[0]
    started = time.monotonic()
    try:
        return socket.create_connection((host, port), timeout=3)
    except socket.gaierror as error:
        say(f"dns: {error}")
    except OSError as error:
        say(f"tcp: {error} to {host} after {time.monotonic() - started:.1f} s")


def read_head(link):
    data = b""
    started = time.monotonic()
    while b"\r\n\r\n" not in data:
        if time.monotonic() - started > LIMIT:
            raise socket.timeout
        piece = link.recv(4096)
        if not piece:
            return data, True
        data += piece
        if len(data) > 1 << 20:
            break
    return data, False


def wrap(link, host):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if args.ca:
        context.load_verify_locations(args.ca)
    if args.cert:
        context.load_cert_chain(args.cert, args.key)
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(link, server_hostname=host)


def frame(opcode, payload):
    size = len(payload)
    head = bytes([0x80 | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0xFE]) + struct.pack(">H", size)
    else:
        head += bytes([0xFF]) + struct.pack(">Q", size)
    return head + b"\0\0\0\0" + payload


def name_of(data):
    """What the first bytes of the open stream are."""
    if data[0] & 15 == 8 and len(data) >= 4 and data[0] >= 0x80:
        reason = data[4 : 2 + (data[1] & 127)].decode("utf-8", "replace")
        return f"close {struct.unpack('>H', data[2:4])[0]} {reason!r}"
    return f"bytes {data[:12].hex()} {data[:24]!r}"


def first_bytes(link, wait):
    link.settimeout(wait)
    started = time.monotonic()
    try:
        data = link.recv(256)
    except (socket.timeout, ssl.SSLError) as error:
        if isinstance(error, socket.timeout) or "timed out" in str(error):
            return "quiet"
        return f"tls {error}"
    except OSError as error:
        return f"{error}"
    after = time.monotonic() - started
    if not data:
        return f"EOF after {after:.1f} s"
    return f"{name_of(data)} after {after:.1f} s"


def handshake(keep=None):
    url = urlsplit(args.url)
    secure = url.scheme in ("wss", "https")
    host, port = url.hostname, url.port or (443 if secure else 80)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    if args.via:
        via = urlsplit(args.via)
        link = tcp(via.hostname, via.port, False)
        link.settimeout(LIMIT)
        if via.scheme.startswith("socks5"):
            link.sendall(b"\5\2\0\2" if via.username else b"\5\1\0")
            if link.recv(2)[1] == 2:
                user, word = via.username.encode(), via.password.encode()
                link.sendall(b"\1" + bytes([len(user)]) + user + bytes([len(word)]) + word)
                if link.recv(2)[1]:
                    return "socks: authentication failed"
            link.sendall(b"\5\1\0\3" + bytes([len(host)]) + host.encode() + struct.pack(">H", port))
            if code := link.recv(10)[1]:
                return f"socks: reply {code}"
        elif args.via_mode == "forward":
            target = f"http://{host}:{port}{target}"
        else:
            link.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            head, _ = read_head(link)
            if b" 200 " not in head.split(b"\r\n")[0]:
                return "CONNECT: " + head.split(b"\r\n")[0].decode("latin1")
    else:
        link = tcp(host, port)
    if secure:
        try:
            link = wrap(link, host)
        except ssl.SSLCertVerificationError as error:
            return f"tls: {error.verify_message}"
        except OSError as error:
            return f"tls: {error}"
    offered = ["Host: " + url.netloc.split("@")[-1], "Upgrade: websocket", "Connection: Upgrade"]
    offered += ["Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Version: 13"]
    if args.page and not args.origin:
        page = urlsplit(args.page)
        args.origin = f"{page.scheme}://{page.netloc}"
    if args.origin and args.origin != "none":
        offered.append("Origin: " + args.origin)
    if args.subprotocol:
        offered.append("Sec-WebSocket-Protocol: " + ", ".join(args.subprotocol))
    if args.cookie:
        offered.append("Cookie: " + args.cookie)
    offered += args.headers
    link.settimeout(LIMIT)
    started = time.monotonic()
    try:
        link.sendall(f"GET {target} HTTP/1.1\r\n".encode() + "\r\n".join(offered).encode() + b"\r\n\r\n")
        data, ended = read_head(link)
    except socket.timeout:
        return "no answer"
    except OSError as error:
        return f"upgrade: {error}"
    if keep is not None:
        keep.append(link)
    after = time.monotonic() - started
    if ended and not data:
        return f"EOF after {after:.1f} s"
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin1").split("\r\n")
    names = ("server", "via", "location", "retry-after", "www-authenticate", "sec-websocket-protocol", "sec-websocket-version")
    shown = [line for line in lines[1:] if line.split(":")[0].lower() in names]
    status = lines[0].split(" ")[1] if lines[0].startswith("HTTP/") and " " in lines[0] else ""
    if status != "101":
        try:
            link.settimeout(0.3)
            while len(body) < 300 and (piece := link.recv(300)):
                body += piece
        except OSError:
            pass
        return " | ".join([lines[0][:60], *shown, body[:90].decode("latin1").replace("\r\n", " ")])
    if body and not args.size:
        then = name_of(body)
    elif args.size:
        size = int(args.size)
        link.settimeout(5)
        try:
            link.sendall(frame(2, bytes(size)))
        except OSError as error:
            return f"101, then sending {size} bytes: {error}"
        # A Socket.IO server greets first; what follows the message is what counts.
        then = f"{size} bytes sent, " + first_bytes(link, 4)
        if "sid" in then:
            then = f"{size} bytes sent, " + first_bytes(link, 4)
    else:
        then = first_bytes(link, float(args.hold.rstrip("s")) if args.hold else 0.4)
    return " | ".join([lines[0], *shown, "then " + then])


outcomes, kept = [], [] if args.together else None
for _ in range(args.repeat):
    outcomes.append(handshake(kept))
say(" || ".join(dict.fromkeys(outcomes)))
