import ctypes
import os
import socket
import struct
import sys
import threading
import time

port, holds = int(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
NEW_NETWORK, FILES = 0x40000000, 0x400
kept = []
BODY = b'{"environment":"production","action":"freeze","reason":"not mine to do"}'
HOST = f"Host: localhost:{port}\r\n"
GET = f"GET /api/scaling-mode/config HTTP/1.1\r\n{HOST}\r\n".encode()
PUT = (
    f"PUT /api/scaling-mode/config HTTP/1.1\r\n{HOST}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
).encode()


def dialled():
    return socket.create_connection(("127.0.0.1", port), timeout=40)


def answered(connection, request=GET):
    """The status of the answer, which is read to its end."""
    connection.sendall(request)
    reader = connection.makefile("rb")
    status = reader.readline().split()[1].decode()
    length, line = 0, b"-"
    while line.strip():
        line = reader.readline()
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    reader.read(length)
    return status


def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def listener(family=socket.AF_INET, protocol=0, address=("0.0.0.0", 0)):
    made = socket.socket(family, socket.SOCK_STREAM, protocol)
    made.bind(address)
    made.listen()
    kept.append(made)
    return made


def in_another_network(make):
    """Makes something in a new network, and comes back."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    checked(libc.unshare(NEW_NETWORK))
    make()
    checked(libc.setns(own, NEW_NETWORK))
    os.close(own)


def in_a_thread(make):
    """Keeps a thread that makes something of its own and stays."""
    ready = threading.Event()

    def run():
        make()
        ready.set()
        time.sleep(3600)

    threading.Thread(target=run, daemon=True).start()
    ready.wait()


def broken():
    server = listener(address=("127.0.0.1", 0))
    kept.append(socket.create_connection(server.getsockname()))
    accepted, _ = server.accept()
    # The server sees it, and then it is reset.
    answered(dialled())
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    accepted.close()
    server.close()


def datagrams(protocol=0, at=("0.0.0.0", 8081)):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(at)
    kept.append(made)


def names_asked_for():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.connect(("127.0.0.1", 53))
    kept.append(made)


def unix():
    kept.extend(socket.socketpair())
    made = socket.socket(socket.AF_UNIX)
    made.bind("\0scaling-mode-test-%d" % os.getpid())
    made.listen()
    kept.append(made)


def ring(listens):
    made = libc.syscall(425, 4, ctypes.create_string_buffer(120))
    if made < 0:
        raise OSError("no io_uring")
    if listens:
        server = listener()
        numbers = (ctypes.c_int * 1)(server.fileno())
        checked(libc.syscall(427, made, 2, numbers, 1))
        # It has no number among the files from now on.
        server.close()


def own_files():
    checked(libc.unshare(FILES))
    listener()


def netlink(protocol):
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    made.bind((0, 0))
    kept.append(made)


def device():
    kept.append(os.open("/dev/net/tun", os.O_RDWR))


def threads():
    for _ in range(8):
        in_a_thread(lambda: None)


MAKE = {
    "nothing": lambda: None,
    "a listener of another network": lambda: in_another_network(listener),
    "a socket of another network": lambda: in_another_network(lambda: kept.append(socket.socket())),
    "a thread in another network": lambda: in_a_thread(lambda: checked(libc.unshare(NEW_NETWORK))),
    "a listener of vsock": lambda: listener(socket.AF_VSOCK, address=(socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY)),
    "a socket of UDP-Lite": lambda: datagrams(136),
    "a raw socket": lambda: kept.append(socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "a packet socket": lambda: kept.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)),
    "a listener of MPTCP": lambda: listener(protocol=262),
    "a listener of SCTP": lambda: listener(protocol=132),
    "a listener of DCCP": lambda: kept.append(socket.socket(socket.AF_INET, 6, 33)),
    "packets by netlink": lambda: netlink(12),
    "a network device": device,
    "a listener in io_uring": lambda: ring(True),
    "a listener of a thread with files of its own": lambda: in_a_thread(own_files),
    "a socket of UDP": datagrams,
    "Unix sockets": unix,
    "Unix sockets of another network": lambda: in_another_network(unix),
    "routes by netlink": lambda: netlink(0),
    "a connection that has broken": broken,
    "a connected socket of UDP": names_asked_for,
    "a listener on loopback": lambda: listener(address=("127.0.0.1", 0)),
    "an empty io_uring": lambda: ring(False),
    "threads": threads,
}


def stream():
    connection = dialled()
    connection.sendall(f"GET /api/scaling-mode/events HTTP/1.1\r\nConnection: close\r\n{HOST}\r\n".encode())
    reader = connection.makefile("rb")
    status = reader.readline().split()[1].decode()
    listener()
    time.sleep(1.1)
    print(status, "and listens", flush=True)
    sys.stdin.readline()
    try:
        rest = reader.read()
    except TimeoutError:
        print("goes on")
        return
    print("told the event" if b"frozen" in rest else "ended without the event")


def later():
    connection = dialled()
    first = answered(connection)
    if holds == "a body":
        connection.sendall(PUT + BODY[:10])
        listener()
        time.sleep(1.1)
        print(first, answered(connection, BODY[10:]))
    else:
        listener()
        # A proof is good for a second.
        time.sleep(1.1)
        print(first, answered(connection, PUT + BODY if "act" in holds else GET))


if holds == "a stream":
    stream()
elif holds in MAKE:
    before = answered(dialled())
    try:
        MAKE[holds]()
    except (OSError, AttributeError):
        print("not supported")
        sys.exit()
    print(before, answered(dialled()))
else:
    later()
