package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/con-ting/conting/sync/private"
)

// Folder writes letters into files, for trying central out and for tests. Nobody
// gets them.
type Folder struct {
	dir  string
	from Address
}

// NewFolder makes the folder with mode 0700 unless it is there. Errors wrap
// [ErrConfig], [private.ErrExposed] or the system's.
func NewFolder(dir string, from Address) (*Folder, error) {
	if err := from.check(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("folder for letters: %w", err)
	}
	if err := private.Check(dir); err != nil {
		return nil, fmt.Errorf("folder for letters: %w", err)
	}
	return &Folder{dir: dir, from: from}, nil
}

// Send implements [Sender]: the letter is ID.eml, mode 0600, whole or not there. A
// letter that is sent again takes its own place. The caller sends no letter twice
// at once.
func (f *Folder) Send(_ context.Context, m Message) error {
	msg, err := compose(f.from, &m)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return fmt.Errorf("write letter: %w", err)
	}
	return private.Replace(filepath.Join(f.dir, m.ID+".eml"), b.Bytes())
}
