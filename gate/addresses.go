package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// addresses is what a running gate writes to DATA_DIR/addresses.json, for
// scripts and for the other commands. It is removed at an orderly end.
type addresses struct {
	Panel string `json:"panel"` // host:port
	PID   int    `json:"pid"`

	// Snapshot is the secret that the panel gives out a picture of the camera for. It
	// is why nobody but the gate's user may read this file.
	Snapshot string `json:"snapshot,omitempty"`
}

// write replaces the file in one step.
func (ad addresses) write(name string) error {
	data, err := json.Marshal(ad)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".addresses-*")
	if err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write addresses: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

func readAddresses(name string) (addresses, error) {
	var ad addresses
	data, err := os.ReadFile(name) //nolint:gosec // a fixed name in the operator's own data folder
	if err != nil {
		return ad, err
	}
	return ad, json.Unmarshal(data, &ad)
}

// liveAddress returns where the gate of this data folder answers, or nothing.
func liveAddress(ctx context.Context, conf *config) string {
	ad, err := readAddresses(conf.addresses())
	if errors.Is(err, fs.ErrNotExist) {
		ad.Panel = conf.Panel.Listen
	} else if err != nil {
		return ""
	}
	if healthy(ctx, ad.Panel) != nil {
		return "" // left behind by a gate that was killed
	}
	return ad.Panel
}
