package account

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

// What letters say: one file for each topic and language, with the subject on the
// first line and an empty line after it.
//
//go:embed letter/*.txt
var letterFiles embed.FS

// letterFacts is what a text may name. None of it was written by a stranger: the
// name of an event is its organiser's.
type letterFacts struct {
	Facts

	Link    string
	Site    string
	Minutes int
}

func letterText(t Topic, lang Language, facts letterFacts) (subject, text string, err error) {
	name := "letter/" + string(t) + "." + string(lang.known()) + ".txt"
	page, err := template.New("").Option("missingkey=error").ParseFS(letterFiles, name)
	if err != nil {
		return "", "", err
	}
	var b strings.Builder
	if err := page.ExecuteTemplate(&b, strings.TrimPrefix(name, "letter/"), facts); err != nil {
		return "", "", err
	}
	subject, text, ok := strings.Cut(b.String(), "\n\n")
	if !ok {
		return "", "", fmt.Errorf("%s has no subject", name)
	}
	return subject, text, nil
}
