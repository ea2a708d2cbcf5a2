package settings_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/settings"
)

type sample struct {
	Dir    string `toml:"dir"`
	Listen struct {
		Address string        `toml:"address"`
		Wait    time.Duration `toml:"wait"`
	} `toml:"listen"`
	Peers []peer `toml:"peer"`
}

type peer struct {
	Name string `toml:"name"`
}

func TestParse(t *testing.T) {
	v := sample{Dir: "/default"}
	v.Listen.Wait = time.Second
	if err := settings.Parse("[listen]\naddress = \"a\"\n[[peer]]\nname = \"x\"\n", &v); err != nil {
		t.Fatal(err)
	}
	if v.Dir != "/default" || v.Listen.Wait != time.Second || v.Listen.Address != "a" || !slices.Equal(v.Peers, []peer{{"x"}}) {
		t.Errorf("Parse = %+v", v)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, says, hint string }{
		"unknown key":     {"dri = \"x\"", `unknown key "dri"`, `did you mean "dir"?`},
		"wrong table":     {"address = \"x\"", `unknown key "address"`, `did you mean "listen.address"?`},
		"foreign key":     {"entirely_else = 1", `unknown key "entirely_else"`, "remove it"},
		"in a list":       {"[[peer]]\nnane = \"x\"", `unknown key "peer.nane"`, `did you mean "peer.name"?`},
		"wrong type":      {"dir = 1", "dir", ""},
		"no toml":         {"dir =", "line 1", ""},
		"a key twice":     {"dir = \"a\"\ndir = \"b\"", "line 2", ""},
		"no duration":     {"[listen]\nwait = \"soon\"", "soon", ""},
		"longer than all": {strings.Repeat("#", settings.MaxSize+1), "longer than", "right file"},
	} {
		var v sample
		err := settings.Parse(c.text, &v)
		if !errors.Is(err, settings.ErrBad) || !strings.Contains(err.Error(), c.says) || !strings.Contains(hint.Of(err), c.hint) {
			t.Errorf("%s: Parse(%.40q) = %v, hint %q; want %q, hint %q", name, c.text, err, hint.Of(err), c.says, c.hint)
		}
	}
}

func TestLoad(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c.toml")
	var v sample
	if err := settings.Load(name, &v); !errors.Is(err, settings.ErrBad) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a missing file: %v", err)
	}
	if err := os.WriteFile(name, []byte("dir = \"x\"\nlost = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := settings.Load(name, &v); !errors.Is(err, settings.ErrBad) || !strings.Contains(err.Error(), name) {
		t.Errorf("Load of a bad file: %v; want its name", err)
	}
	if err := os.WriteFile(name, []byte("dir = \"x\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := settings.Load(name, &v); err != nil || v.Dir != "x" {
		t.Errorf("Load = %+v, %v", v, err)
	}
}

func TestKeys(t *testing.T) {
	want := []string{"dir", "listen.address", "listen.wait", "listen", "peer.name", "peer"}
	if got := settings.Keys(new(sample)); !slices.Equal(got, want) {
		t.Errorf("Keys = %q, want %q", got, want)
	}
	if got := settings.Keys(3); got != nil {
		t.Errorf("Keys of no struct = %q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"dir = \"x\"", "[listen]\nwait = \"1s\"", "[[peer]]\nname = \"x\"", "x = 1", "= =", "dir = [["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var v sample
		if err := settings.Parse(text, &v); err != nil && !errors.Is(err, settings.ErrBad) {
			t.Errorf("Parse(%q) = %v, which is not ErrBad", text, err)
		}
	})
}
