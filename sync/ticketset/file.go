package ticketset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
)

// A set file carries the very objects that a broker carries, for a gate that is
// loaded from a USB stick: the magic line, then sections of kind (1 byte),
// length (4 bytes, big-endian) and bytes: one manifest, the rules, the status
// list, every chunk in order, any number of deltas in order, and an empty end
// section that tells a whole file from a cut one. The stick is not trusted:
// each section is verified as if it came from the network.

// fileMagic starts every set file.
const fileMagic = "CTSET1\r\n"

// SectionKind says which object a section of a set file holds.
type SectionKind uint8

// The kinds of sections, in the order in which they stand in a file.
const (
	SectionManifest SectionKind = iota + 1
	SectionRules
	SectionStatus
	SectionChunk
	SectionDelta
	sectionEnd
)

// String returns the kind as the word that logs and errors use.
func (k SectionKind) String() string {
	switch k {
	case SectionManifest:
		return "manifest"
	case SectionRules:
		return "rules"
	case SectionStatus:
		return "status list"
	case SectionChunk:
		return "chunk"
	case SectionDelta:
		return "delta"
	case sectionEnd:
		return "end"
	}
	return fmt.Sprintf("section(%d)", uint8(k))
}

// limit returns the most bytes of a section; -1 for a kind that does not exist.
func (k SectionKind) limit() int {
	switch k {
	case SectionManifest:
		return MaxManifest
	case SectionRules:
		return MaxRules
	case SectionStatus:
		return MaxStatus
	case SectionChunk:
		return MaxChunk
	case SectionDelta:
		return MaxDelta
	case sectionEnd:
		return 0
	}
	return -1
}

// maxFileDeltas bounds the deltas of a file.
const maxFileDeltas = 1 << 20

// Section is one object of a set file.
type Section struct {
	Kind  SectionKind
	Index int    // of the chunk or delta, from 0 within the file
	Data  []byte // valid until the next call
}

// WriteFile writes the set and the signed deltas that follow it, in order.
func WriteFile(w io.Writer, b *Bundle, deltas iter.Seq2[[]byte, error]) error {
	if _, err := io.WriteString(w, fileMagic); err != nil {
		return fmt.Errorf("write set file: %w", err)
	}
	for _, s := range []Section{{Kind: SectionManifest, Data: b.Manifest}, {Kind: SectionRules, Data: b.Rules}, {Kind: SectionStatus, Data: b.Status}} {
		if err := writeSection(w, s.Kind, s.Data); err != nil {
			return err
		}
	}
	for _, c := range b.Chunks {
		if err := writeSection(w, SectionChunk, c); err != nil {
			return err
		}
	}
	if deltas != nil {
		for d, err := range deltas {
			if err != nil {
				return fmt.Errorf("write set file: read deltas: %w", err)
			}
			if err := writeSection(w, SectionDelta, d); err != nil {
				return err
			}
		}
	}
	return writeSection(w, sectionEnd, nil)
}

func writeSection(w io.Writer, kind SectionKind, data []byte) error {
	if len(data) > kind.limit() {
		return tooLarge(kind.String(), len(data), kind.limit())
	}
	head := binary.BigEndian.AppendUint32([]byte{byte(kind)}, uint32(len(data))) //nolint:gosec // within the limit
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("write set file: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write set file: %w", err)
	}
	return nil
}

// ReadFile calls visit for each section of a set file as it is read, holding
// one section in memory at a time. It checks the frame and the order only:
// visit must verify each object, and must not keep Data. A file that ends too
// early, or has anything after its end, is [ErrMalformed]; by then visit has
// seen what came before, so nothing may take effect until ReadFile returns nil.
func ReadFile(r io.Reader, visit func(Section) error) error {
	magic := make([]byte, len(fileMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != fileMagic {
		return readError(err, "this is not a set file")
	}
	last, index := SectionKind(0), 0
	var buf []byte
	for {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return readError(err, "the file ends before its end section")
		}
		kind, size := SectionKind(head[0]), binary.BigEndian.Uint32(head[1:])
		if !mayFollow(last, kind) {
			return malformed("set file", "%s after %s", kind, last)
		}
		if int64(size) > int64(kind.limit()) {
			return tooLarge(kind.String()+" in set file", int(size), kind.limit())
		}
		if kind == sectionEnd {
			break
		}
		if kind != last {
			index = 0
		} else if index++; kind == SectionChunk && index >= MaxChunks || index >= maxFileDeltas {
			return malformed("set file", "too many sections of %s", kind)
		}
		last = kind
		if cap(buf) < int(size) {
			buf = make([]byte, size)
		}
		buf = buf[:size]
		if _, err := io.ReadFull(r, buf); err != nil {
			return readError(err, "the file ends within a section")
		}
		if err := visit(Section{Kind: kind, Index: index, Data: buf}); err != nil {
			return fmt.Errorf("set file, %s %d: %w", kind, index, err)
		}
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return readError(err, "bytes after the end section")
	}
	return nil
}

// mayFollow is the order of sections. A set may have no chunks.
func mayFollow(last, next SectionKind) bool {
	switch next {
	case SectionManifest, SectionRules, SectionStatus:
		return next == last+1
	case SectionChunk:
		return last == SectionStatus || last == SectionChunk
	case SectionDelta, sectionEnd:
		return last >= SectionStatus && last <= SectionDelta
	}
	return false
}

// readError tells a damaged file from a stick that cannot be read.
func readError(err error, why string) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("set file", "%s", why)
	}
	return fmt.Errorf("read set file: %w", err)
}
