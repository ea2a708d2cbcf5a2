package emulator

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Build makes the image from the sources in root, the module's folder. Where no
// TinyGo is at hand its error wraps [ErrMissing].
func Build(ctx context.Context, root, image string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(root, "firmware", "build.sh"), image)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	const noTinyGo = 3
	var ended *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ended) && ended.ExitCode() == noTinyGo:
		return fmt.Errorf("tinygo: %w (make firmware builds it)", ErrMissing)
	}
	return fmt.Errorf("build the controller: %w: %s", err, bytes.TrimSpace(said.Bytes()))
}

// Size is what an image takes of the chip, in bytes: flash, and RAM with its
// stack.
func Size(image string) (flash, ram uint64, err error) {
	f, err := elf.Open(image)
	if err != nil {
		return 0, 0, fmt.Errorf("size of the controller: %w", err)
	}
	defer func() { _ = f.Close() }()
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 {
			continue
		}
		if s.Type != elf.SHT_NOBITS { // stored; .data is copied from there
			flash += s.Size
		}
		if s.Addr >= ramStart {
			ram += s.Size
		}
	}
	return flash, ram, nil
}
