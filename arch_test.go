package arch_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/con-ting/conting/"

// allowed lists, for each package, the packages of this module it may import.
// A package that is not listed here fails the test, so that adding a package
// is a decision somebody makes in this file.
var allowed = map[string][]string{
	// shared by both sides; knows neither
	"sync/ticket":     {},
	"sync/canon":      {},
	"sync/hint":       {},
	"sync/base58":     {},
	"sync/settings":   {"sync/hint"},
	"sync/private":    {"sync/hint"},
	"sync/command":    {"sync/hint"},
	"sync/trust":      {"sync/ticket", "sync/canon"},
	"sync/pass":       {"sync/ticket", "sync/canon", "sync/trust"},
	"sync/ticketset":  {"sync/ticket", "sync/canon", "sync/trust"},
	"sync/credential": {"sync/base58", "sync/ticket", "sync/trust"},
	"sync/journal":    {"sync/ticket", "sync/canon", "sync/trust"},
	"sync/topic":      {"sync/ticket", "sync/canon", "sync/trust", "sync/ticketset", "sync/journal"},
	"sync/link":       {"sync/ticket", "sync/topic"},
	"sync/broker":     {"sync/ticket", "sync/topic", "sync/trust"},

	// one lane: frame -> decode -> verify -> decide -> journal -> actuate
	"gate/camera":    {},
	"gate/engine":    {"sync/pass", "sync/hint"},
	"gate/qr":        {},
	"gate/turnstile": {"firmware/osdp", "firmware/lane", "firmware/update", "sync/hint"},
	"gate/clock":     {},
	"gate/proof":     {"sync/ticket", "sync/pass", "sync/trust"},
	"gate/admit":     {"sync/ticket", "sync/pass"},
	"gate/store":     {"sync/ticket", "sync/canon", "sync/trust", "sync/ticketset", "sync/journal"},
	"gate/lane":      {"sync/ticket", "sync/pass", "sync/journal", "gate/admit", "gate/proof", "gate/turnstile", "gate/clock"},
	"gate/uplink":    {"sync/ticket", "sync/canon", "sync/trust", "sync/ticketset", "sync/journal", "sync/topic", "sync/link", "gate/store", "gate/admit"},
	"gate/panel":     {"sync/ticket", "gate/admit"},
	"gate/identity":  {"sync/ticket", "sync/trust", "sync/private"},
	"gate/doctor":    {"sync/ticket", "sync/trust"},
	"gate":           {"sync/*", "gate/*", "firmware/update"},

	// a gate in a hand: what of it runs in the browser
	"scanner/wasm": {"gate/qr"},

	// sale -> ticket set -> publish
	"central/pay": {},
	// one real provider; its own client, so that it imports no library
	"central/pay/stripe": {"central/pay"},
	"central/paper":      {"sync/ticket", "sync/pass"},
	"central/seatmap":    {"sync/ticket"},
	"central/mail":       {"sync/private"},
	"central/account":    {"sync/ticket", "sync/canon", "sync/pass", "central/mail", "central/work"},
	"central/sale":       {"sync/ticket", "central/seatmap", "central/pay"},
	"central/fleet":      {"sync/ticket", "sync/topic", "sync/trust"},
	"central/publish":    {"sync/*"},
	"central/lease":      {"sync/ticket", "sync/trust", "sync/ticketset", "sync/topic"},
	"central/outbox":     {"sync/ticket"},
	"central/leader":     {},
	"central/archive":    {},
	// tokens of tickets on Solana
	"central/mint":        {"sync/ticket", "central/outbox", "central/mint/token", "central/mint/chain", "central/mint/merkle"},
	"central/mint/token":  {},
	"central/mint/chain":  {"sync/private"},
	"central/mint/wallet": {"sync/base58", "sync/ticket", "sync/private"},
	"central/mint/merkle": {"sync/ticket"},
	// moves tickets and reads accounts by those rooms' own terms
	"central/identity":        {"sync/ticket", "sync/trust", "sync/credential", "central/account", "central/sale"},
	"central/store":           {"sync/ticket", "sync/trust", "sync/credential", "sync/journal", "central/account", "central/sale", "central/seatmap", "central/pay", "central/paper", "central/fleet", "central/publish", "central/identity", "central/outbox", "central/leader", "central/archive", "central/queue", "central/mint", "central/mint/wallet"},
	"central/store/storetest": {"central/store", "testdata/servers"},
	"central/api":             {"sync/ticket", "sync/trust", "sync/credential", "central/account", "central/sale", "central/seatmap", "central/pay", "central/paper", "central/fleet", "central/publish", "central/lease", "central/identity", "central/queue", "central/outbox", "central/mint", "central/mint/wallet", "central/mint/merkle"},
	"central/work":            {},
	"central/queue":           {"sync/ticket", "central/work"},
	"central/queue/queuetest": {"sync/ticket", "central/queue"},
	"central/queue/embedded":  {"sync/ticket", "sync/private", "central/queue"},
	"central/surge":           {"sync/ticket", "central/surge/chart"},
	"central/surge/chart":     {},
	"central/queue/redis":     {"sync/ticket", "central/queue"},
	"central/web":             {},
	"central":                 {"sync/*", "central/*"},
	"central/registrar":       {"sync/ticket", "sync/trust", "sync/credential", "sync/hint", "sync/private", "sync/command"},

	// both ends of the line between a gate and its lane's controller
	"firmware/osdp": {},

	// what the controller decides and keeps, without heap; imports nothing
	"firmware/lane":   {},
	"firmware/update": {},

	// the controller on its boards, and the emulator that runs it
	"firmware/keep":           {},
	"firmware/controller":     {"firmware/osdp", "firmware/lane", "firmware/keep", "firmware/update"},
	"firmware/board/lm3s6965": {},
	"firmware/board/host":     {"firmware/keep", "firmware/update", "sync/hint"},
	"firmware/cmd/controller": {"firmware/board/lm3s6965", "firmware/board/host", "firmware/controller", "firmware/keep", "firmware/lane", "firmware/osdp", "firmware/update", "sync/hint"},
	"firmware/cmd/image":      {"firmware/update", "sync/command", "sync/hint", "sync/private"},
	"firmware/emulator":       {},
	"firmware/emulator/rig":   {"firmware/emulator", "firmware/keep", "firmware/lane", "firmware/osdp"},
	"firmware/emulator/bench": {"firmware/emulator", "firmware/emulator/rig", "firmware/lane", "firmware/osdp"},

	// what tests, benches and the demo share; never linked into a product command
	"testdata/frames":            {},
	"testdata/localnet":          {},
	"testdata/pki":               {"sync/ticket", "sync/trust"},
	"testdata/pty":               {},
	"testdata/relay":             {},
	"testdata/servers":           {},
	"testdata/uinput":            {},
	"testdata/devices":           {"testdata/uinput"},
	"testdata/wallet":            {"sync/ticket", "sync/pass", "sync/trust"},
	"testdata/frames/cmd/frames": {"testdata/frames"},
	"testdata/stage":             {"sync/ticket", "sync/pass", "sync/credential", "firmware/emulator", "firmware/emulator/rig", "firmware/keep", "firmware/lane", "testdata/wallet"},
	"testdata/stage/cmd/venue":   {"sync/ticket", "testdata/frames", "testdata/stage"},
	"testdata/demo":              {"sync/ticket", "testdata/frames", "testdata/localnet", "testdata/stage"},
	"testdata/bench":             {"sync/*", "gate/*", "central/*", "testdata/frames", "testdata/wallet", "testdata/stage", "testdata/localnet", "testdata/servers"},
}

// sole names the one package that may import each heavy dependency, so that
// replacing it means rewriting one room.
var sole = map[string][]string{
	"github.com/mattn/go-sqlite3":               {"gate/store", "central/store"},
	"github.com/jackc/pgx":                      {"central/store"},
	"github.com/makiuchi-d/gozxing":             {"gate/qr", "central/paper", "testdata/frames", "testdata/bench"},
	"github.com/signintech/gopdf":               {"central/paper"},
	"golang.org/x/image":                        {"central/paper", "central/surge/chart"},
	"github.com/HdrHistogram/hdrhistogram-go":   {"central/surge"},
	"github.com/eclipse/paho.mqtt.golang":       {"sync/link"},
	"github.com/mochi-mqtt/server":              {"sync/broker"},
	"github.com/redis/go-redis":                 {"central/queue/redis"},
	"github.com/gin-gonic/gin":                  {"central/api", "testdata/bench"},
	"github.com/wneessen/go-mail":               {"central/mail"},
	"github.com/fxamacker/cbor":                 {"sync/canon"},
	"github.com/blackjack/webcam":               {"gate/camera"},
	"go.bug.st/serial":                          {"gate/engine", "gate/turnstile"},
	"github.com/simonvetter/modbus":             {"gate/turnstile"},
	"github.com/warthog618/go-gpiocdev":         {"gate/turnstile"},
	"github.com/prometheus/client_golang":       {"gate/panel", "central/api"},
	"github.com/BurntSushi/toml":                {"sync/settings"},
	"github.com/gagliardetto/solana-go":         {"central/mint", "central/mint/token", "central/mint/chain"},
	"github.com/hyperledger/aries-framework-go": {"sync/credential"},
	"github.com/piprate/json-gold":              {"sync/credential"},
}

// TestImportDirections reads the import clauses itself instead of asking
// "go list": the test cache follows files a test opens, not programs it runs.
func TestImportDirections(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() != "." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		pkg := path.Dir(filepath.ToSlash(file))
		seen[pkg] = true
		may, ok := allowed[pkg]
		if !ok {
			t.Errorf("%s: package %q is not in the import table", file, pkg)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			for heavy, owners := range sole {
				if (imp == heavy || strings.HasPrefix(imp, heavy+"/")) && !slices.Contains(owners, pkg) {
					t.Errorf("%s: only %v may import %s", file, owners, heavy)
				}
			}
			if dep, ours := strings.CutPrefix(imp, module); ours && !permits(may, dep) {
				t.Errorf("%s: %s must not import %s", file, pkg, dep)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range allowed {
		if !seen[pkg] {
			t.Errorf("the import table lists %q, which does not exist", pkg)
		}
	}
}

func permits(may []string, dep string) bool {
	top, _, _ := strings.Cut(dep, "/")
	return slices.Contains(may, dep) || slices.Contains(may, top+"/*")
}

// TestThreatTable holds ARCHITECTURE.md to its word: each test that the threat
// table names exists in the package that it is said to be in.
func TestThreatTable(t *testing.T) {
	doc, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(doc), "\n## Threats\n")
	if !ok {
		t.Fatal("ARCHITECTURE.md has no threat table")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	named := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.HasPrefix(cells[2], "---") || strings.TrimSpace(cells[2]) == "shown by" {
			continue
		}
		pkg, before := "", named
		for _, word := range strings.Fields(cells[2]) {
			if strings.HasPrefix(word, "`") {
				pkg = strings.Trim(word, "`")
				continue
			}
			named++
			if !hasTest(t, pkg, word) {
				t.Errorf("the threat table names %s in %s, where there is no such test", word, pkg)
			}
		}
		if named == before {
			t.Errorf("no test shows:%s", cells[0])
		}
	}
	if named == 0 {
		t.Error("the threat table names no test")
	}
}

func hasTest(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(pkg), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "\nfunc "+name+"(")
	})
}
