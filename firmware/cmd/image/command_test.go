package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/con-ting/conting/firmware/update"
)

// run carries out one command line.
func run(t *testing.T, args ...string) (code int, out, complaint string) {
	t.Helper()
	var o, e bytes.Buffer
	code = (&app{out: &o, err: &e}).program().Run(t.Context(), args)
	return code, o.String(), e.String()
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// folder has a key, an image and the image signed.
func folder(t *testing.T) (dir func(string) string) {
	t.Helper()
	at := t.TempDir()
	dir = func(name string) string { return filepath.Join(at, name) }
	write(t, dir("in"), []byte("an image"))
	for _, args := range [][]string{
		{"key", "--new", dir("key")},
		{"sign", "--key", dir("key"), "--board", "host", "--version", "258", dir("in"), dir("out")},
	} {
		if code, _, complaint := run(t, args...); code != 0 {
			t.Fatal(complaint)
		}
	}
	return dir
}

func TestSign(t *testing.T) {
	dir := folder(t)
	if info, err := os.Stat(dir("key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(dir("key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := update.DecodeKey(text)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(dir("out"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := update.Verify(file, key)
	if err != nil || v.Version != 258 || v.Fits(1) != nil || string(v.Transfer[update.HeaderSize:]) != "an image" {
		t.Errorf("%+v, %v", v, err)
	}
	code, out, _ := run(t, "show", "--key", dir("key.pub"), dir("out"))
	if code != 0 || !strings.Contains(out, "version 258 (0.1.2) for board host, 8 bytes") || !strings.Contains(out, "signature by this key") {
		t.Errorf("show: %d, %s", code, out)
	}
	code, out, _ = run(t, "show", "--json", dir("out"))
	if code != 0 || !strings.Contains(out, `"version":258`) || !strings.Contains(out, "not looked at") {
		t.Errorf("show without a key: %d, %s", code, out)
	}
}

func TestRefused(t *testing.T) {
	dir := folder(t)
	if code, _, _ := run(t, "key", "--new", dir("other")); code != 0 {
		t.Fatal("another key")
	}
	file, err := os.ReadFile(dir("out"))
	if err != nil {
		t.Fatal(err)
	}
	file[len(file)-1] ^= 1
	write(t, dir("corrupt"), file)
	write(t, dir("elf"), []byte("\x7fELF and so on"))
	write(t, dir("empty"), nil)
	write(t, dir("huge"), make([]byte, update.MaxImage+1))
	write(t, dir("longer"), make([]byte, update.MaxImage+2048))
	if err := os.Chmod(dir("other"), 0o640); err != nil {
		t.Fatal(err)
	}
	sign := func(flags ...string) []string { return append([]string{"sign"}, flags...) }
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"key again":       {[]string{"key", "--new", dir("key")}, "nothing is overwritten"},
		"key without":     {[]string{"key"}, "--new is missing"},
		"no key":          {sign("--board", "host", "--version", "1", dir("in"), dir("o")), "--key is missing"},
		"no board":        {sign("--key", dir("key"), "--version", "1", dir("in"), dir("o")), "--board"},
		"no version":      {sign("--key", dir("key"), "--board", "host", dir("in"), dir("o")), "--version"},
		"large version":   {sign("--key", dir("key"), "--board", "host", "--version", "16777216", dir("in"), dir("o")), "--version"},
		"public key":      {sign("--key", dir("key.pub"), "--board", "host", "--version", "1", dir("in"), dir("o")), "key"},
		"exposed key":     {sign("--key", dir("other"), "--board", "host", "--version", "1", dir("in"), dir("o")), "chmod 600"},
		"ELF":             {sign("--key", dir("key"), "--board", "host", "--version", "1", dir("elf"), dir("o")), "objcopy"},
		"empty":           {sign("--key", dir("key"), "--board", "host", "--version", "1", dir("empty"), dir("o")), "0 bytes"},
		"huge":            {sign("--key", dir("key"), "--board", "host", "--version", "1", dir("huge"), dir("o")), "1048576"},
		"longer":          {sign("--key", dir("key"), "--board", "host", "--version", "1", dir("longer"), dir("o")), "longer"},
		"over a file":     {sign("--key", dir("key"), "--board", "host", "--version", "1", dir("in"), dir("out")), "nothing is overwritten"},
		"show no image":   {[]string{"show", dir("in")}, "no firmware image"},
		"show corrupt":    {[]string{"show", dir("corrupt")}, "hash"},
		"show nothing":    {[]string{"show"}, "FILE"},
		"wrong signature": {[]string{"show", "--key", dir("other.pub"), dir("out")}, "wrong signature"},
		"private half":    {[]string{"show", "--key", dir("key"), dir("out")}, "public half"},
	} {
		code, _, complaint := run(t, test.args...)
		if code == 0 || !strings.Contains(complaint, test.says) {
			t.Errorf("%s: %d, %q", name, code, complaint)
		}
		if _, err := os.Stat(dir("o")); err == nil {
			t.Fatalf("%s: something was written", name)
		}
	}
}
