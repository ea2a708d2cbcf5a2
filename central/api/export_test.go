package api

// Routes lists every route as "METHOD /path/:parameter".
func (a *API) Routes() []string {
	var out []string
	for _, r := range a.router.Routes() {
		out = append(out, r.Method+" "+r.Path)
	}
	return out
}

// Document is the OpenAPI document.
func Document() ([]byte, error) { return document() }

// Codes gives the status of every problem code.
func Codes() map[string]int {
	out := map[string]int{}
	for code, k := range catalogue() {
		out[code] = k.status
	}
	return out
}

// DecodeHold decodes the body of an order and says what the answer to it would
// be if it is refused.
func DecodeHold(b []byte) (status int, err error) {
	var v holdBody
	if err := decodeJSON(b, &v); err != nil {
		return describe(err).Status, err
	}
	return 0, nil
}

// Wrap is what breaks a token's name into the lines of its picture.
func Wrap(s string, width, lines int) []string { return wrap(s, width, lines) }
