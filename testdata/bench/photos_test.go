package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name        string
		mode, want  string
		texts       []string
		tool        bool
		read, wrong bool
	}{
		{"exact", modeExact, "CTR1:A", []string{"CTR1:A"}, false, true, false},
		{"exact, nothing read", modeExact, "CTR1:A", nil, false, false, false},
		{"exact, another text", modeExact, "CTR1:A", []string{"CTR1:B"}, false, false, true},
		{"exact, a line's end too many", modeExact, "CTR1:A", []string{"CTR1:A\n"}, false, false, true},
		{"exact, from a program", modeExact, "CTR1:A", []string{"CTR1:A\n"}, true, true, false},
		{"exact, and a second code", modeExact, "CTR1:A", []string{"CTR1:A", "CTR1:B"}, false, true, true},
		{"ascii, other character set", modeASCII, "<デザイン> http://x/", []string{"<\xc3\xde\xbb\xde> http://x/"}, false, true, false},
		{"ascii, another text", modeASCII, "http://x/", []string{"http://y/"}, false, false, true},
		{"unlabelled", modeUnlabelled, "", []string{"what ever"}, false, true, false},
		{"none, nothing read", modeNone, "", nil, false, false, false},
		{"none, something read", modeNone, "", []string{"CTR1:A"}, false, false, true},
	} {
		p := photo{mode: tt.mode, want: tt.want}
		if read, wrong := p.judge(tt.texts, tt.tool); read != tt.read || wrong != tt.wrong {
			t.Errorf("%s: judge(%q) = %v, %v; want %v, %v", tt.name, tt.texts, read, wrong, tt.read, tt.wrong)
		}
	}
}

func TestReadManifest(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "manifest.tsv"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("#id\tfile\n\na\ta.jpg\tmain\tgate\texact\t640\t480\tQ1RSMTpB\tnote\nb\tb.jpg\tmain\tnoqr\tnone\t640\t480\t-\t\n")
	got, err := readManifest(dir)
	if err != nil || len(got) != 2 || got[0] != (photo{"a", "a.jpg", "main", "gate", modeExact, "CTR1:A"}) || got[1].want != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"a\ta.jpg\n", "a\ta.jpg\tmain\tgate\texact\t640\t480\t!!\t\n"} {
		write(bad)
		if _, err := readManifest(dir); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
