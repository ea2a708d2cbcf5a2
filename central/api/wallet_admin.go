package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

type issuerView struct {
	DID        string   `json:"did"`
	Name       string   `json:"name"`
	Accepts    []string `json:"accepts"`
	StatusURLs []string `json:"status_urls,omitempty"`
}

func viewIssuer(i *trust.Issuer) issuerView {
	return issuerView{DID: i.DID, Name: i.Name, Accepts: i.Accepts, StatusURLs: i.StatusURLs}
}

func (a *API) issuers(ctx context.Context, _ *gin.Context) (int, any, error) {
	all, err := a.cfg.Identity.Issuers(ctx)
	if err != nil {
		return 0, nil, err
	}
	out := make([]issuerView, 0, len(all))
	for i := range all {
		out = append(out, viewIssuer(&all[i]))
	}
	return http.StatusOK, gin.H{"issuers": out}, nil
}

// saveIssuer takes what "registrar issuer" prints.
func (a *API) saveIssuer(ctx context.Context, c *gin.Context) (int, any, error) {
	b, err := readBody(c, credential.MaxIssuerJSON)
	if err != nil {
		return 0, nil, err
	}
	is, err := credential.ParseIssuer(b)
	if err != nil {
		return 0, nil, &detailError{code: "issuer_invalid", detail: err.Error()}
	}
	announced, err := a.cfg.Identity.SaveIssuer(ctx, is)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"issuer": viewIssuer(&is), "announced": announced}, nil
}

func (a *API) dropIssuer(ctx context.Context, c *gin.Context) (int, any, error) {
	announced, err := a.cfg.Identity.DropIssuer(ctx, credential.DID(c.Param("did")))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"announced": announced}, nil
}

type statusListBody struct {
	URL string `json:"url"`
	JWT string `json:"jwt"`
}

// maxStatusBody is the most that a status list may be sent with, in bytes.
const maxStatusBody = credential.MaxStatusList + 4<<10

func (a *API) saveStatusList(ctx context.Context, c *gin.Context) (int, any, error) {
	raw, err := readBody(c, maxStatusBody)
	if err != nil {
		return 0, nil, err
	}
	var b statusListBody
	if err := decodeJSON(raw, &b); err != nil {
		return 0, nil, err
	}
	revoked, err := a.cfg.Identity.SaveStatusList(ctx, b.URL, b.JWT)
	for _, bad := range []error{credential.ErrMalformed, credential.ErrBadSignature, credential.ErrIssuer, credential.ErrExpired} {
		if errors.Is(err, bad) {
			return 0, nil, &detailError{code: "status_list_invalid", detail: err.Error()}
		}
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"revoked": revoked}, nil
}
