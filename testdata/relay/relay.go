// Package relay is a relay board that speaks Modbus RTU, made of software: the other end for tests
// of what opens lanes with one. It shares no code with the client under test.
package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
)

// Pins is how many coils, and how many inputs, a board has.
const Pins = 8

// Board is a relay board. Its zero value has all coils released and all inputs low.
type Board struct {
	Unit byte // its address

	mu     sync.Mutex // guards all below
	coils  [Pins]bool
	inputs [Pins]bool
	writes []string
	silent bool
	refuse bool
}

// Input sets an input's level.
func (b *Board) Input(n int, high bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inputs[n] = high
}

// Silence has the board do as it is told and answer nothing, as one whose line back is cut.
func (b *Board) Silence(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent = on
}

// Refuse has the board answer every write with exception 2, and not do it.
func (b *Board) Refuse(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = on
}

// Coil returns whether a coil is energised.
func (b *Board) Coil(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.coils[n]
}

// Writes returns what was written to the coils so far, each "NUMBER true" or "NUMBER false".
func (b *Board) Writes() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.writes)
}

// Serve answers what comes over a line until it ends.
func (b *Board) Serve(line io.ReadWriter) {
	request := make([]byte, 8) // every request of functions 1, 2 and 5
	for {
		if _, err := io.ReadFull(line, request); err != nil {
			return
		}
		if binary.LittleEndian.Uint16(request[6:]) != crc(request[:6]) || request[0] != b.Unit {
			continue
		}
		answer := b.answer(request)
		if answer == nil {
			continue
		}
		if _, err := line.Write(binary.LittleEndian.AppendUint16(answer, crc(answer))); err != nil {
			return
		}
	}
}

func (b *Board) answer(q []byte) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, n := int(binary.BigEndian.Uint16(q[2:])), int(binary.BigEndian.Uint16(q[4:]))
	answer := []byte{q[0], q[1] | 0x80, 2}
	switch {
	case q[1] == 1 && at+n <= Pins:
		answer = append([]byte{q[0], q[1], 1}, pack(b.coils[at:at+n]))
	case q[1] == 2 && at+n <= Pins:
		answer = append([]byte{q[0], q[1], 1}, pack(b.inputs[at:at+n]))
	case q[1] == 5 && at < Pins && !b.refuse:
		b.coils[at] = n == 0xff00
		b.writes = append(b.writes, fmt.Sprintf("%d %v", at, b.coils[at]))
		answer = slices.Clone(q[:6])
	}
	if b.silent {
		return nil
	}
	return answer
}

func pack(levels []bool) (bits byte) {
	for i, high := range levels {
		if high {
			bits |= 1 << i
		}
	}
	return bits
}

// crc is that of Modbus over serial line V1.02, section 6.2.2.
func crc(b []byte) uint16 {
	sum := uint16(0xffff)
	for _, c := range b {
		sum ^= uint16(c)
		for range 8 {
			low := sum & 1
			if sum >>= 1; low != 0 {
				sum ^= 0xa001
			}
		}
	}
	return sum
}

// Server is a serial server with a board behind it: one connection at a time.
type Server struct {
	listener net.Listener

	mu   sync.Mutex // guards conn
	conn net.Conn
}

// Listen puts a board behind a free loopback port.
func Listen(b *Board) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conn = c
			s.mu.Unlock()
			b.Serve(c)
		}
	}()
	return s, nil
}

// URL is where a gate finds the board.
func (s *Server) URL() string { return "rtuovertcp://" + s.listener.Addr().String() }

// Cut ends the present connection; another may come.
func (s *Server) Cut() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}

// Close ends the server.
func (s *Server) Close() error { return errors.Join(s.listener.Close(), s.Cut()) }
