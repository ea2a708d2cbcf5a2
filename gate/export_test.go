package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/con-ting/conting/sync/journal"
)

// readExport calls visit for each batch of an exported journal.
func readExport(r io.Reader, visit func(batch []byte) error) error {
	magic := make([]byte, len(exportMagic))
	if _, err := io.ReadFull(r, magic); err != nil || !bytes.Equal(magic, []byte(exportMagic)) {
		return errors.New("not a journal file")
	}
	var length [4]byte
	for {
		if _, err := io.ReadFull(r, length[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("journal file: %w", err)
		}
		n := binary.BigEndian.Uint32(length[:])
		if n == 0 || n > journal.MaxBatch {
			return fmt.Errorf("journal file: a batch of %d bytes", n)
		}
		batch := make([]byte, n)
		if _, err := io.ReadFull(r, batch); err != nil {
			return fmt.Errorf("journal file: %w", err)
		}
		if err := visit(batch); err != nil {
			return err
		}
	}
}
