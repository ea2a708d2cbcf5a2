package broker_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// raw is a client that can say anything: paho would not.
type raw struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

const patience = 30 * time.Second

func dialRaw(t testing.TB, addr net.Addr, cfg *tls.Config) *raw {
	t.Helper()
	conn, err := tls.Dial("tcp", addr.String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &raw{t: t, conn: conn, in: bufio.NewReader(conn)}
}

func text(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

func packet(kind byte, parts ...[]byte) []byte {
	var body []byte
	for _, p := range parts {
		body = append(body, p...)
	}
	return append(binary.AppendUvarint([]byte{kind}, uint64(len(body))), body...)
}

type will struct {
	topic, payload string
	retain         bool
}

func connectPacket(version byte, id string, w *will) []byte {
	flags, keepAlive := byte(2), []byte{0, 60}
	parts := [][]byte{text("MQTT"), {version}, nil, keepAlive}
	if version == 5 {
		parts = append(parts, []byte{0})
	}
	parts = append(parts, text(id))
	if w != nil {
		flags |= 4 | 1<<3
		if w.retain {
			flags |= 1 << 5
		}
		parts = append(parts, text(w.topic), text(w.payload))
	}
	parts[2] = []byte{flags}
	return packet(0x10, parts...)
}

func publishPacket(id uint16, topic string, payload []byte, retain bool) []byte {
	kind := byte(0x32)
	if retain {
		kind |= 1
	}
	return packet(kind, text(topic), binary.BigEndian.AppendUint16(nil, id), payload)
}

func subscribePacket(id uint16, filter string) []byte {
	return packet(0x82, binary.BigEndian.AppendUint16(nil, id), text(filter), []byte{0})
}

func (r *raw) send(p []byte) {
	r.t.Helper()
	if err := r.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	_, _ = r.conn.Write(p) // whether it arrived shows in what comes back
}

// receive returns the next packet, or false when the broker closed the connection.
func (r *raw) receive() (kind byte, body []byte, ok bool) {
	r.t.Helper()
	if err := r.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	kind, err := r.in.ReadByte()
	if err == nil {
		var n uint64
		if n, err = binary.ReadUvarint(r.in); err == nil {
			body = make([]byte, n)
			_, err = io.ReadFull(r.in, body)
		}
	}
	var timeout net.Error
	if asTimeout(err, &timeout) {
		r.t.Fatal("the broker neither answered nor closed the connection")
	}
	return kind, body, err == nil
}

// expect receives packets until one of that type comes, and returns its body.
func (r *raw) expect(kind byte) []byte {
	r.t.Helper()
	for {
		got, body, ok := r.receive()
		if !ok {
			r.t.Fatalf("connection closed, want a packet of type %d", kind>>4)
		}
		if got>>4 == kind>>4 {
			return body
		}
	}
}

// closed requires that the broker ends the connection without another message.
func (r *raw) closed() {
	r.t.Helper()
	for {
		kind, body, ok := r.receive()
		if !ok {
			return
		}
		if kind>>4 == 3 {
			r.t.Fatalf("got a message %q, want the connection closed", body)
		}
	}
}

func (r *raw) login(id string) {
	r.t.Helper()
	r.send(connectPacket(4, id, nil))
	if body := r.expect(0x20); len(body) != 2 || body[1] != 0 {
		r.t.Fatalf("CONNACK %x, want acceptance", body)
	}
}

// eventually polls what other goroutines, beyond a test's reach, bring about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
