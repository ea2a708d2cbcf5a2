package topic

import "fmt"

// The most bytes of a [Listing]: the longest list that package credential reads,
// and its address.
const (
	MaxListing    = 64*1024 + 1024
	maxListingURL = 512
)

// Listing is a registrar's credential status list, as central passes it on. The
// list is signed by the registrar; whoever uses it verifies that, and that it is
// of this address.
type Listing struct {
	_ struct{} `cbor:",toarray"`

	URL string // where the credentials say that it is
	JWT string // the signed list
}

// Encode returns the message's bytes.
func (l Listing) Encode() ([]byte, error) { return encode(l, l.check(), MaxListing) }

// ParseListing reads them. The error wraps [ErrMessage] or [ErrTooLarge].
func ParseListing(data []byte) (Listing, error) {
	var l Listing
	err := decode(data, &l, MaxListing)
	if err == nil {
		err = l.check()
	}
	if err != nil {
		return Listing{}, err
	}
	return l, nil
}

func (l Listing) check() error {
	if l.URL == "" || len(l.URL) > maxListingURL || l.JWT == "" {
		return fmt.Errorf("status list of %d bytes at %.80q: %w", len(l.JWT), l.URL, ErrMessage)
	}
	return nil
}
