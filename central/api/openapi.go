package api

import (
	_ "embed" // the document
	"net/http"

	"github.com/gin-gonic/gin"
)

//go:embed openapi.json
var openAPIDocument []byte

// openAPI serves the description of this API. It may be cached.
func (a *API) openAPI(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=300")
	c.Data(http.StatusOK, "application/vnd.oai.openapi+json;version=3.1", openAPIDocument)
}
