package embedded

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// A file is a header and then frames. A frame is its payload's length (4 bytes), the
// CRC-32C of length and payload, and the payload, whose first byte is the kind:
//
//	entries: 1, first new number u32, count of new keys u32, that many keys, then
//	         restored ones, each number u32 and key
//	records: 2, then records, each length u32 and bytes
//
// Integers are big-endian. Each frame is written by one call and synced before the
// next, so at most the last one can be half there.
const (
	frameEntries = 1
	frameRecords = 2

	headerSize = 16
	frameHead  = 8
	maxFrame   = 80 << 20 // 1,000 records of 64 KiB, and more entries than are ever asked for at once
)

func header(event ticket.EventID) []byte {
	return binary.BigEndian.AppendUint32([]byte("conting-que1"), uint32(event))
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// seal completes a frame, whose first frameHead bytes are still free.
func seal(frame []byte) []byte {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-frameHead)) //nolint:gosec // at most maxFrame
	sum := crc32.Update(crc32.Checksum(frame[:4], castagnoli()), castagnoli(), frame[frameHead:])
	binary.BigEndian.PutUint32(frame[4:], sum)
	return frame
}

// errTorn is the end of what can be read as frames.
var errTorn = errors.New("no whole frame")

// readFrame returns the next payload, valid until the next call; io.EOF at the end,
// errTorn where no sound frame is.
func readFrame(in *bufio.Reader, buf []byte) ([]byte, error) {
	var head [frameHead]byte
	switch _, err := io.ReadFull(in, head[:]); {
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errTorn
	case err != nil:
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 || size > maxFrame {
		return nil, errTorn
	}
	buf = buf[:0]
	for len(buf) < int(size) { // a length that is garbage must not take the memory first
		n := min(int(size)-len(buf), 1<<20)
		at := len(buf)
		buf = append(buf, make([]byte, n)...)
		if _, err := io.ReadFull(in, buf[at:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, errTorn
			}
			return nil, err
		}
	}
	if crc32.Update(crc32.Checksum(head[:4], castagnoli()), castagnoli(), buf) != binary.BigEndian.Uint32(head[4:]) {
		return nil, errTorn
	}
	return buf, nil
}

// restored is a number that somebody proved.
type restored struct {
	number uint32
	key    queue.Key
}

// encodeEntries is a whole frame.
func encodeEntries(first uint32, keys []queue.Key, back []restored) []byte {
	b := make([]byte, frameHead, frameHead+9+len(keys)*16+len(back)*20)
	b = append(b, frameEntries)
	b = binary.BigEndian.AppendUint32(b, first)
	b = binary.BigEndian.AppendUint32(b, uint32(len(keys))) //nolint:gosec // at most maxFrame
	for i := range keys {
		b = append(b, keys[i][:]...)
	}
	for i := range back {
		b = binary.BigEndian.AppendUint32(b, back[i].number)
		b = append(b, back[i].key[:]...)
	}
	return seal(b)
}

// decodeEntries calls put for everything in a payload, restored ones first.
func decodeEntries(b []byte, put func(number uint32, k queue.Key) error) error {
	if len(b) < 9 {
		return fmt.Errorf("entries of %d bytes: %w", len(b), queue.ErrCorrupt)
	}
	first, count := binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:])
	b = b[9:]
	if int64(count)*16 > int64(len(b)) || (len(b)-int(count)*16)%20 != 0 {
		return fmt.Errorf("%d entries in %d bytes: %w", count, len(b), queue.ErrCorrupt)
	}
	keys, back := b[:count*16], b[count*16:]
	for ; len(back) > 0; back = back[20:] {
		if err := put(binary.BigEndian.Uint32(back), queue.Key(back[4:20])); err != nil {
			return err
		}
	}
	for i := range count {
		if err := put(first+i, queue.Key(keys[i*16:i*16+16])); err != nil {
			return err
		}
	}
	return nil
}

func encodeRecords(records [][]byte) []byte {
	b := append(make([]byte, frameHead, frameHead+64), frameRecords)
	for _, r := range records {
		b = binary.BigEndian.AppendUint32(b, uint32(len(r))) //nolint:gosec // at most MaxRecord
		b = append(b, r...)
	}
	return seal(b)
}

func decodeRecords(b []byte) (records [][]byte, err error) {
	for b = b[1:]; len(b) > 0; {
		if len(b) < 4 {
			return nil, fmt.Errorf("records: %w", queue.ErrCorrupt)
		}
		n := binary.BigEndian.Uint32(b)
		if b = b[4:]; n == 0 || n > queue.MaxRecord || int64(n) > int64(len(b)) {
			return nil, fmt.Errorf("a record of %d bytes: %w", n, queue.ErrCorrupt)
		}
		records = append(records, append([]byte(nil), b[:n]...))
		b = b[n:]
	}
	return records, nil
}
