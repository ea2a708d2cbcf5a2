package publish_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/topic"
)

// Status lists of issuers of credentials are retained for the gates, and sent anew
// when there is a newer one; one that cannot be sent keeps no other back.
func TestStatusListsReachSubscriber(t *testing.T) {
	const url = "https://registrar.example/status/1.jwt"
	var text atomic.Value
	text.Store("first")
	h := newHouse(t, func(c *publish.Config) {
		c.Listings = func(context.Context) ([]topic.Listing, error) {
			jwt, _ := text.Load().(string)
			if jwt == "" {
				return nil, errors.New("disk is gone")
			}
			return []topic.Listing{
				{URL: "https://too.long/" + strings.Repeat("x", 600), JWT: "x"},
				{URL: url, JWT: jwt},
			}, nil
		}
	})
	g := h.gate("gate-a", topic.StatusListOf(url))
	for _, want := range []string{"first", "second"} {
		text.Store("")
		h.pub.AnnounceTrust() // what fails is tried again with the next
		text.Store(want)
		h.pub.AnnounceTrust()
		g.wait("the list "+want, func(m message) bool {
			if m.topic != topic.StatusListOf(url) {
				return false
			}
			l, err := topic.ParseListing(m.data)
			h.must(err)
			return l.URL == url && l.JWT == want
		})
	}
}
