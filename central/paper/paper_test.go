package paper_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/con-ting/conting/central/paper"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

func sheet() paper.Sheet {
	doors := time.Date(2026, 12, 12, 8, 0, 0, 0, time.UTC).Unix()
	return paper.Sheet{
		Event: &ticket.Event{
			ID: 1001, Name: "겨울밤 콘서트 – 아주 긴 이름을 가진 앙코르 공연", Venue: "한강 콘서트홀", Timezone: "Asia/Seoul",
			Doors: doors, Starts: doors + 7200,
			Zones: []ticket.Zone{{ID: 1, Name: "1층"}}, Classes: []ticket.Class{{ID: 5, Name: "현장 종이 티켓", Paper: true}},
		},
		Ticket: &ticket.Ticket{ID: ticket.ID{0xde, 0xad, 0xbe, 0xef}, Event: 1001, Zone: 1, Class: 5, Seat: "C-14", Version: 1},
		Signed: bytes.Repeat([]byte{0xa5, 0x31, 0x07}, 55),
	}
}

// read finds the code in a picture with the library's own reader.
func read(t *testing.T, img image.Image) string {
	t.Helper()
	bits, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	got, err := qrcode.NewQRCodeReader().Decode(bits, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		t.Fatalf("no code on the sheet: %v", err)
	}
	return got.GetText()
}

func TestPNG(t *testing.T) {
	for _, lang := range []paper.Lang{"", paper.Korean, paper.English} {
		s := sheet()
		s.Lang = lang
		var out bytes.Buffer
		if err := paper.PNG(&out, s); err != nil {
			t.Fatal(err)
		}
		keep(t, "paper-"+string(lang)+".png", out.Bytes())
		img, err := png.Decode(&out)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, img); got != pass.PaperText(s.Signed) {
			t.Errorf("%q: the code says %q, want %q", lang, got, pass.PaperText(s.Signed))
		}
		if b := img.Bounds(); b.Dx() != 1240 || b.Dy() != 1748 {
			t.Errorf("%q: %v dots, want A6 at 300 an inch", lang, b.Size())
		}
	}
}

// The printed sheet says what it should, in letters that can be searched, and its
// code is read from the rendered page.
func TestPDF(t *testing.T) {
	s := sheet()
	var out bytes.Buffer
	if err := paper.PDF(&out, s); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(out.Bytes(), []byte("%PDF-1.")) || !bytes.Contains(out.Bytes(), []byte("%%EOF")) {
		t.Fatalf("not a PDF: %.20q…", out.Bytes())
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "sheet.pdf")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	keep(t, "paper.pdf", out.Bytes())
	for _, tool := range []string{"pdftotext", "pdftoppm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: the PDF was not read back, because %s is not installed (make setup installs poppler-utils)", tool)
		}
	}
	text, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"한강 콘서트홀", "1층", "현장 종이 티켓", "C-14", "2026-12-12 17:00", "deadbeef"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the sheet does not say %q:\n%s", want, text)
		}
	}
	if err := exec.CommandContext(t.Context(), "pdftoppm", "-r", "200", "-png", "-singlefile", file, filepath.Join(dir, "page")).Run(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "page.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, img); got != pass.PaperText(s.Signed) {
		t.Errorf("the printed code says %q, want %q", got, pass.PaperText(s.Signed))
	}
}

// keep leaves what was drawn for people to look at, where PAPER_OUT says.
func keep(t *testing.T, name string, data []byte) {
	t.Helper()
	if dir := os.Getenv("PAPER_OUT"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*paper.Sheet){
		"no event":       func(s *paper.Sheet) { s.Event = nil },
		"no ticket":      func(s *paper.Sheet) { s.Ticket = nil },
		"bound ticket":   func(s *paper.Sheet) { s.Ticket.Holder = ticket.HolderKey{2, 1} },
		"no pass":        func(s *paper.Sheet) { s.Signed = nil },
		"long pass":      func(s *paper.Sheet) { s.Signed = make([]byte, pass.MaxTicket+1) },
		"other language": func(s *paper.Sheet) { s.Lang = "de" },
		"not UTF-8":      func(s *paper.Sheet) { s.Event.Name = "\xff" },
	} {
		s := sheet()
		change(&s)
		var out bytes.Buffer
		if err := paper.PDF(&out, s); !errors.Is(err, paper.ErrSheet) || out.Len() != 0 {
			t.Errorf("%s: PDF gives %d bytes and %v, want ErrSheet", name, out.Len(), err)
		}
		if err := paper.PNG(&out, s); !errors.Is(err, paper.ErrSheet) || out.Len() != 0 {
			t.Errorf("%s: PNG gives %d bytes and %v, want ErrSheet", name, out.Len(), err)
		}
	}
}

// Names that fill their fields, and letters that no font has, are no reason to
// send somebody away without a ticket.
func TestOddNames(t *testing.T) {
	for _, name := range []string{strings.Repeat("가", 40), strings.Repeat("W", 120), "뷁 🎤 \u202e", strings.Repeat("a b ", 30), "\n\t"} {
		s := sheet()
		s.Event.Name, s.Event.Venue, s.Ticket.Seat = name, name, "좌석-1234567890"
		s.Event.Zones[0].Name, s.Event.Classes[0].Name, s.Event.Timezone = name, name, "Nowhere/Land"
		var out bytes.Buffer
		if err := paper.PNG(&out, s); err != nil {
			t.Errorf("%q: PNG: %v", name, err)
		}
		img, err := png.Decode(&out)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, img); got != pass.PaperText(s.Signed) {
			t.Errorf("%q: the code says %q", name, got)
		}
		if err := paper.PDF(&bytes.Buffer{}, s); err != nil {
			t.Errorf("%q: PDF: %v", name, err)
		}
	}
}
