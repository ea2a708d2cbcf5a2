package main

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/testdata/frames"
)

func TestJudge(t *testing.T) {
	two := []string{"CTR1:A", "CTR1:B"}
	for _, tt := range []struct {
		name    string
		mode    string
		wants   []string
		texts   []string
		program bool
		read    int
		wrong   bool
	}{
		{"exact", modeExact, []string{"CTR1:A"}, []string{"CTR1:A"}, false, 1, false},
		{"exact, nothing read", modeExact, []string{"CTR1:A"}, nil, false, 0, false},
		{"exact, another text", modeExact, []string{"CTR1:A"}, []string{"CTR1:B"}, false, 0, true},
		{"exact, a line's end too many", modeExact, []string{"CTR1:A"}, []string{"CTR1:A\n"}, false, 0, true},
		{"exact, from a program", modeExact, []string{"CTR1:A"}, []string{"CTR1:A\n"}, true, 1, false},
		{"exact, of lines, from a program", modeExact, []string{"A\nB\n"}, []string{"A\nB\n\n"}, true, 1, false},
		{"exact, and a second code", modeExact, []string{"CTR1:A"}, two, false, 1, true},
		{"another mode is exact", "hand", []string{"CTR1:A"}, []string{"CTR1:A", "CTR1:B"}, false, 1, true},
		{"ascii, other character set", modeASCII, []string{"<デザイン> http://x/"}, []string{"<\xc3\xde\xbb\xde> http://x/"}, false, 1, false},
		{"ascii, another text", modeASCII, []string{"http://x/"}, []string{"http://y/"}, false, 0, true},
		{"unlabelled", modeUnlabelled, []string{""}, []string{"what ever"}, false, 1, false},
		{"none, nothing read", modeNone, []string{""}, nil, false, 0, false},
		{"none, something read", modeNone, []string{""}, []string{"CTR1:A"}, false, 0, true},
		{"two", modeExact, two, []string{"CTR1:B", "CTR1:A"}, false, 2, false},
		{"two, one read twice", modeExact, two, []string{"CTR1:B", "CTR1:B"}, false, 1, false},
		{"two, and a third", modeExact, two, []string{"CTR1:B", "CTR1:A", "CTR1:C"}, false, 2, true},
		{"two, lines from a program", modeExact, two, []string{"CTR1:B\nCTR1:A\n"}, true, 2, false},
		{"two, run together by a program", modeExact, two, []string{"CTR1:BCTR1:A"}, true, 2, false},
		{"two, one in the other", modeExact, []string{"CTR1:A", "CTR1:AB"}, []string{"CTR1:ABCTR1:A"}, true, 2, false},
		{"two, something left over", modeExact, two, []string{"CTR1:ACTR1:X"}, true, 1, true},
	} {
		p := photo{mode: tt.mode, wants: tt.wants}
		if read, wrong := p.judge(tt.texts, tt.program); read != tt.read || wrong != tt.wrong {
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
	write("#id\tfile\n\na\ta.jpg\tmain\tgate\texact\t640\t480\tQ1RSMTpB\tnote\nb\tb.jpg\tmain\tnoqr\tnone\t640\t480\t-\t\nc\tc.jpg\tmain\tseveral\texact\t640\t480\tQQ==,Qg==\n")
	got, err := readManifest(dir)
	want := []photo{
		{"a", "a.jpg", "main", "gate", modeExact, []string{"CTR1:A"}},
		{"b", "b.jpg", "main", "noqr", modeNone, []string{""}},
		{"c", "c.jpg", "main", "several", modeExact, []string{"A", "B"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"a\ta.jpg\n", "a\ta.jpg\tmain\tgate\texact\t640\t480\t!!\t\n"} {
		write(bad)
		if _, err := readManifest(dir); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// TestFolder writes a folder as the generator does and prints its table for readers whose answers
// are known, so that every figure in it is known too.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	order := frames.Folder{Categories: []frames.Category{frames.Clean, frames.Several, frames.Codeless}, Count: 2, Seed: 3, Size: frames.VGA}
	if n, err := order.Write(t.Context(), dir); err != nil || n != 6 {
		t.Fatalf("wrote %d frames, %v; want 6", n, err)
	}
	photos, err := readManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(of func(p *photo) []string) func(*image.Gray) ([]string, time.Duration, error) {
		i := -1
		return func(*image.Gray) ([]string, time.Duration, error) {
			i++
			return of(&photos[i]), time.Duration(i+1) * time.Millisecond, nil
		}
	}
	readers := []reader{
		{name: "all", read: answer(func(p *photo) []string { return p.wants[:p.codes()] })},
		{name: "one", read: answer(func(p *photo) []string { return p.wants[:min(1, p.codes())] })},
		{name: "liar", read: answer(func(*photo) []string { return []string{"lie"} })},
	}
	var out bytes.Buffer
	if err := folder(t.Context(), &out, dir, readers); err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		lines[strings.Join(strings.Fields(line), " ")] = true
	}
	for _, want := range []string{
		"main several all 2 100.0 0 3.00 4.00 4.00",
		"main several one 2 0.0 0 3.00 4.00 4.00",
		"main several liar 2 0.0 2 3.00 4.00 4.00",
		"main clean one 2 100.0 0 1.00 2.00 2.00",
		"without a code all 2 100.0 0 5.00 6.00 6.00",
		"without a code at VGA liar 2 0.0 2 5.00 6.00 6.00",
		"bench: qr_one_all_right_percent p50=50.000",
		"bench: qr_liar_all_false_reads p50=4.000",
		"bench: qr_all_without_a_code_at_VGA_cpu_ms p50=5.000 p95=6.000 p99=6.000 n=2",
		"bench: qr_all_all_codes_percent p50=100.000",
	} {
		if !lines[want] {
			t.Errorf("no line %q in\n%s", want, out.String())
		}
	}
}
