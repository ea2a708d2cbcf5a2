package panel_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/sync/ticket"
)

func catalogue(t *testing.T, lang string) map[string]string {
	t.Helper()
	data, err := os.ReadFile("catalogue/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var words map[string]string
	if err := json.Unmarshal(data, &words); err != nil {
		t.Fatalf("%s: %v", lang, err)
	}
	return words
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

func TestCataloguesAgree(t *testing.T) {
	ko, en := catalogue(t, "ko"), catalogue(t, "en")
	for _, key := range slices.Sorted(maps.Keys(en)) {
		if strings.TrimSpace(en[key]) == "" || strings.TrimSpace(ko[key]) == "" {
			t.Errorf("%s: en %q, ko %q", key, en[key], ko[key])
			continue
		}
		a, b := placeholder.FindAllString(en[key], -1), placeholder.FindAllString(ko[key], -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: en has %q, ko has %q", key, a, b)
		}
		if key != "word.idle" && ko[key] == en[key] {
			t.Errorf("%s is not translated: %q", key, en[key])
		}
	}
	for key := range ko {
		if _, ok := en[key]; !ok {
			t.Errorf("%s is in ko only", key)
		}
	}
}

// Everything that the gate can say, the screen can say.
func TestCataloguesCoverTheCodes(t *testing.T) {
	var keys []string
	for _, r := range ticket.Reasons() {
		keys = append(keys, "reason."+string(r))
	}
	for _, n := range admit.Nexts() {
		keys = append(keys, "next."+string(n))
	}
	for _, f := range []string{"idle", "admit", "refuse", "look", "closed"} {
		keys = append(keys, "word."+f)
	}
	for _, f := range []string{"accessible", "companion", "concession", "attention"} {
		keys = append(keys, "flag."+f)
	}
	for _, m := range []admit.Mode{admit.ModePeers, admit.ModeAlone} {
		keys = append(keys, "bar."+m.String())
	}
	for _, lang := range []string{"ko", "en"} {
		words := catalogue(t, lang)
		for _, key := range keys {
			if words[key] == "" {
				t.Errorf("%s lacks %s", lang, key)
			}
		}
	}
}

// What the page asks for by a fixed key is there.
func TestPageAsksForWordsThatExist(t *testing.T) {
	script, err := os.ReadFile("web/panel.js")
	if err != nil {
		t.Fatal(err)
	}
	words := catalogue(t, "en")
	found := regexp.MustCompile(`say\('([\w.]+[^.'])'`).FindAllStringSubmatch(string(script), -1)
	if len(found) < 15 {
		t.Fatalf("only %d keys found in the script: the pattern no longer fits", len(found))
	}
	for _, m := range found {
		if words[m[1]] == "" {
			t.Errorf("the page asks for %q, which the catalogue lacks", m[1])
		}
	}
}
