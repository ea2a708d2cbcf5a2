package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	args := []string{"-out", dir, "-category", "clean,empty", "-n", "2", "-seed", "5", "-size", "160x120", "-text", "CTR1:ME"}
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatal(err)
	}
	if want := "4 frames and manifest.tsv in " + dir + ", seed 5\n"; out.String() != want {
		t.Errorf("said %q, want %q", out.String(), want)
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.tsv"))
	if err != nil || strings.Count(string(manifest), "\n") != 5 || strings.Count(string(manifest), "Q1RSMTpNRQ==") != 2 {
		t.Errorf("manifest %q, %v", manifest, err)
	}
	out.Reset()
	if err := run(t.Context(), append(args, "-split", "-sway"), &out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"clean/main-clean-001.jpg", "clean/manifest.tsv", "empty/main-empty-000.jpg", "empty/manifest.tsv"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"-category", "cosy"},
		{"-size", "large"},
		{"-size", "0x0"},
		{"-size", "10x10"},
		{"-n", "-1"},
		{"gate"},
	} {
		if err := run(t.Context(), append([]string{"-out", t.TempDir()}, args...), &bytes.Buffer{}); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
