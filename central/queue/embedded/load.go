package embedded

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/con-ting/conting/central/queue"
)

// load reads the file, drops what a crash left at its end, and leaves it open for
// more. It reports whether there was one.
func (r *room) load(ctx context.Context) (found bool, err error) {
	f, err := os.OpenFile(r.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := r.read(ctx, f); err != nil {
		return false, errors.Join(err, f.Close())
	}
	r.file = f
	return true, nil
}

func (r *room) read(ctx context.Context, f *os.File) error {
	in := bufio.NewReaderSize(f, 1<<20)
	head := make([]byte, headerSize)
	switch n, err := io.ReadFull(in, head); {
	case (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && bytes.HasPrefix(header(r.event), head[:n]):
		// made, and not written: begin again
		if err := f.Truncate(0); err != nil {
			return err
		}
		if _, err := f.WriteAt(header(r.event), 0); err != nil {
			return err
		}
		r.size = headerSize
		if _, err := f.Seek(r.size, io.SeekStart); err != nil {
			return err
		}
		return f.Sync()
	case err != nil || !bytes.Equal(head, header(r.event)):
		return errors.Join(fmt.Errorf("%s is not the file of this event: %w", r.path, queue.ErrCorrupt), err)
	}
	r.size = headerSize
	var buf []byte
	for {
		payload, err := readFrame(in, buf)
		switch {
		case errors.Is(err, io.EOF):
			_, err := f.Seek(r.size, io.SeekStart)
			return err
		case errors.Is(err, errTorn):
			return r.drop(ctx, f)
		case err != nil:
			return err
		}
		if err := r.replay(payload); err != nil {
			return err
		}
		r.size += frameHead + int64(len(payload))
		buf = payload
	}
}

func (r *room) replay(payload []byte) error {
	switch payload[0] {
	case frameEntries:
		return decodeEntries(payload, func(number uint32, k queue.Key) error {
			if number == 0 || number > queue.MaxPeople {
				return fmt.Errorf("number %d: %w", number, queue.ErrCorrupt)
			}
			if old := r.people.key(number); old != (queue.Key{}) && old != k {
				return fmt.Errorf("number %d belongs to two: %w", number, queue.ErrCorrupt)
			}
			r.people.put(number, k)
			return nil
		})
	case frameRecords:
		records, err := decodeRecords(payload)
		r.records = append(r.records, records...)
		return err
	}
	return fmt.Errorf("a frame of kind %d: %w", payload[0], queue.ErrCorrupt)
}

// maxTail is the longest end without a sound frame that is looked through.
const maxTail = maxFrame + frameHead

// drop cuts off what follows the last sound frame. It was answered to nobody, for
// each frame is synced before the next: if there is a sound one further on, the file
// was damaged otherwise, and is not touched.
func (r *room) drop(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	n := info.Size() - r.size
	if n > maxTail {
		return fmt.Errorf("%s has %d unreadable bytes at %d; restore it from a copy: %w", r.path, n, r.size, queue.ErrCorrupt)
	}
	tail := make([]byte, n)
	if _, err := f.ReadAt(tail, r.size); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for i := 1; i+frameHead < len(tail); i++ {
		if tail[i+frameHead] != frameEntries && tail[i+frameHead] != frameRecords {
			continue
		}
		if _, err := readFrame(bufio.NewReaderSize(bytes.NewReader(tail[i:]), 16), nil); err == nil {
			return fmt.Errorf("%s is damaged at %d, with more behind; restore it from a copy: %w", r.path, r.size, queue.ErrCorrupt)
		}
	}
	r.logger.WarnContext(ctx, "the end of the queue's file was half written, and dropped; nobody had been told",
		slog.String("event", r.event.String()), slog.Int64("bytes", n))
	if err := f.Truncate(r.size); err != nil {
		return err
	}
	if _, err := f.Seek(r.size, io.SeekStart); err != nil {
		return err
	}
	return f.Sync()
}
