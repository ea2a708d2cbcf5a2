package api

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// tokenPath is where the files lie that tokens name on chain: NAME.json, which wallets
// and explorers read, and NAME.svg, which they show, by the token's address.
const tokenPath = "/v1/tokens/" // #nosec G101 -- an address, which is no secret

// symbol is that of all tokens.
const symbol = "TICKET"

type tokenMetadata struct {
	Name        string           `json:"name"`
	Symbol      string           `json:"symbol"`
	Description string           `json:"description"`
	Image       string           `json:"image"`
	ExternalURL string           `json:"external_url"`
	Attributes  []tokenAttribute `json:"attributes"`
	Properties  tokenProperties  `json:"properties"`
}

type tokenAttribute struct {
	Trait string `json:"trait_type"`
	Value string `json:"value"`
}

type tokenProperties struct {
	Category string         `json:"category"`
	Files    []tokenFileRef `json:"files"`
}

type tokenFileRef struct {
	URI  string `json:"uri"`
	Type string `json:"type"`
}

// face is what everybody may know of a token: what stands on chain as well. Whose it
// is, and which ticket, is not in it.
type face struct {
	mint.Face
	address string // or the name of a collection
	status  string // empty for a collection
}

func (a *API) tokenFile(c *gin.Context) {
	name := c.Param("token")
	address, isJSON := strings.CutSuffix(name, ".json")
	isSVG := false
	if !isJSON {
		address, isSVG = strings.CutSuffix(name, ".svg")
	}
	if !isJSON && !isSVG {
		a.fail(c, mint.ErrUnknownToken)
		return
	}
	of := a.faceOf
	if _, is := mint.CollectionOf(address); is {
		of = a.faceOfEvent
	}
	f, err := of(c.Request.Context(), address)
	if err != nil {
		a.fail(c, err)
		return
	}
	// Any page may show it: it is made for pages of others.
	c.Header("Cache-Control", "public, max-age=300")
	c.Header("Access-Control-Allow-Origin", "*")
	c.Header("Cross-Origin-Resource-Policy", "cross-origin")
	if isSVG {
		c.Data(http.StatusOK, "image/svg+xml; charset=utf-8", f.picture())
		return
	}
	c.JSON(http.StatusOK, f.metadata(a.origin))
}

// faceOf is the face of a token that is on chain, was, or is about to be.
func (a *API) faceOf(ctx context.Context, address string) (face, error) {
	t, err := a.cfg.Mint.Store.TokenAt(ctx, address)
	if err != nil {
		return face{}, err
	}
	if t.Want == mint.None && t.Is == mint.None {
		return face{}, mint.ErrUnknownToken
	}
	facts, err := a.cfg.Mint.Store.Facts(ctx, []ticket.ID{t.Ticket})
	if err != nil {
		return face{}, err
	}
	if len(facts) != 1 {
		return face{}, mint.ErrUnknownToken
	}
	e, err := a.cfg.Till.Rules(ctx, t.Event)
	if err != nil {
		return face{}, err
	}
	f := face{Face: mint.FaceOf(&e, &facts[0].Ticket), address: t.Address, status: formName(t.Is)}
	switch {
	case t.Want == mint.Burned: // whatever the chain still says
		f.status = string(mint.Burned)
	case t.Is == mint.None:
		f.status = "minting"
	}
	return f, nil
}

// faceOfEvent is the face of an event's collection.
func (a *API) faceOfEvent(ctx context.Context, name string) (face, error) {
	id, _ := mint.CollectionOf(name)
	e, err := a.cfg.Till.Rules(ctx, id)
	if errors.Is(err, sale.ErrUnknownEvent) {
		return face{}, mint.ErrUnknownToken
	}
	if err != nil {
		return face{}, err
	}
	return face{Face: mint.FaceOf(&e, &ticket.Ticket{}), address: name}, nil
}

func (f *face) metadata(origin string) tokenMetadata {
	image := origin + tokenPath + f.address + ".svg"
	v := tokenMetadata{
		Name: f.Event, Symbol: symbol, Image: image, ExternalURL: origin + "/wallet/",
		Properties: tokenProperties{Category: "image", Files: []tokenFileRef{{URI: image, Type: "image/svg+xml"}}},
	}
	switch f.status {
	case "":
		v.Description = "The tickets of one event."
	case string(mint.Burned):
		v.Description = "This was a ticket. It was refunded or revoked, and its token burned: it admits nobody."
	case string(mint.Free):
		v.Description = "A ticket that was used. Its token is its holder's to keep or to give on; it admits nobody any more."
	default:
		v.Description = "A ticket. Until its holder has been in, its token moves with the ticket only. The token itself opens no gate."
	}
	for _, t := range []tokenAttribute{
		{"Event", f.Event}, {"Venue", f.Venue}, {"Date", f.Date}, {"Zone", f.Zone}, {"Seat", f.Seat}, {"Class", f.Class}, {"Status", f.status},
	} {
		if t.Value != "" {
			v.Attributes = append(v.Attributes, t)
		}
	}
	return v
}

// picture is a neutral one: text on a plain ground, without style, script or link.
func (f *face) picture() []byte {
	var b strings.Builder
	text := func(x, y, size, weight, colour, anchor, s string) {
		if s == "" {
			return
		}
		b.WriteString(`<text x="` + x + `" y="` + y + `" font-size="` + size + `" font-weight="` + weight + `" fill="` + colour + `" text-anchor="` + anchor + `">`)
		_ = xml.EscapeText(&b, []byte(s)) // a builder never fails
		b.WriteString("</text>")
	}
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 640" width="640" height="640" role="img" font-family="'Noto Sans KR','Noto Sans CJK KR',sans-serif">`)
	b.WriteString("<title>")
	_ = xml.EscapeText(&b, []byte(f.Event))
	b.WriteString("</title>")
	ground, ink, faint := "#0E1116", "#FFFFFF", "#9AA4B2"
	if f.status == string(mint.Burned) {
		ground, ink = "#3A3F47", "#C7CCD4"
	}
	b.WriteString(`<rect width="640" height="640" fill="` + ground + `"/><rect x="40" y="40" width="560" height="560" rx="28" fill="none" stroke="` + faint + `" stroke-width="2"/>`)
	lines := wrap(f.Event, 20, 3)
	for i, y := range []string{"140", "196", "252"} {
		if i < len(lines) {
			text("80", y, "44", "700", ink, "start", lines[i])
		}
	}
	text("80", "320", "26", "400", faint, "start", clip(f.Venue, 36))
	text("80", "362", "26", "400", faint, "start", f.when())
	text("80", "470", "30", "400", ink, "start", clip(f.Zone, 18))
	text("560", "470", "30", "400", ink, "end", clip(f.Class, 14))
	text("80", "540", "56", "700", ink, "start", clip(f.Seat, 13))
	text("560", "540", "24", "400", faint, "end", f.status)
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// when is the date as people write it.
func (f *face) when() string {
	at, err := time.Parse(time.RFC3339, f.Date)
	if err != nil {
		return f.Date
	}
	return at.Format("2006-01-02  15:04")
}

// wrap breaks a text into at most so many lines of at most so many columns, at spaces
// where there are some; an ellipsis stands for what is left.
func wrap(s string, width, lines int) (out []string) {
	rest := strings.Join(strings.Fields(s), " ")
	for rest != "" && len(out) < lines-1 && columns(rest) > width {
		line := fitting(rest, width)
		if at := strings.LastIndexByte(line, ' '); at > len(line)/2 && !strings.HasPrefix(rest[len(line):], " ") {
			line = line[:at]
		}
		out = append(out, strings.TrimSpace(line))
		rest = strings.TrimLeft(rest[len(line):], " ")
	}
	if rest != "" {
		out = append(out, clip(rest, width))
	}
	return out
}

// clip cuts a text to so many columns.
func clip(s string, width int) string {
	if columns(s) <= width {
		return s
	}
	return strings.TrimSpace(fitting(s, width-1)) + "…"
}

// fitting is the beginning of a text that takes so many columns.
func fitting(s string, width int) string {
	for i, r := range s {
		if width -= column(r); width < 0 {
			return s[:i]
		}
	}
	return s
}

func columns(s string) (n int) {
	for _, r := range s {
		n += column(r)
	}
	return n
}

// column is how wide a character is: Hangul, kana and ideographs take two.
func column(r rune) int {
	if r >= 0x1100 && r <= 0x115F || r >= 0x2E80 && r <= 0xD7A3 || r >= 0xF900 && r <= 0xFAFF || r >= 0xFE30 && r <= 0xFF60 || r >= 0x1F300 {
		return 2
	}
	return 1
}
