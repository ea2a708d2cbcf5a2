package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"

	"github.com/gin-gonic/gin"
)

// One file for each room: base.json is a whole document with what all share, every
// other one has the paths, parameters and schemas that are its room's own.
//
//go:embed openapi/*.json
var openAPIFiles embed.FS

// document puts the description together. A path or component that stands in two
// files is an error.
func document() ([]byte, error) {
	files, err := fs.Glob(openAPIFiles, "openapi/*.json")
	if err != nil {
		return nil, err
	}
	whole := map[string]any{}
	for _, f := range files {
		text, err := openAPIFiles.ReadFile(f)
		if err != nil {
			return nil, err
		}
		var part map[string]any
		if err := json.Unmarshal(text, &part); err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(f), err)
		}
		if err := merge(whole, part, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(f), err)
		}
	}
	return json.Marshal(whole)
}

// merge adds what part has to whole. Only paths, components, and the kinds of
// component may stand in both.
func merge(whole, part map[string]any, depth int) error {
	for key, v := range part {
		old, both := whole[key].(map[string]any)
		add, object := v.(map[string]any)
		switch {
		case whole[key] == nil:
			whole[key] = v
		case both && object && (depth == 0 && (key == "paths" || key == "components") || depth == 1 && (key == "schemas" || key == "parameters" || key == "securitySchemes")):
			if err := merge(old, add, depth+1); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%q stands in another file too", key)
		}
	}
	return nil
}

// openAPI serves the description of this API. It may be cached.
func (a *API) openAPI(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=300")
	c.Data(http.StatusOK, "application/vnd.oai.openapi+json;version=3.1", a.document)
}
