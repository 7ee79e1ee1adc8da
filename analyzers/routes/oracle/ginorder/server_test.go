package ginorder

import (
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func TestOrder(t *testing.T) {
	gin.SetMode(gin.TestMode)
	r := server()
	var listed []string
	for _, i := range r.Routes() {
		listed = append(listed, i.Method+" "+i.Path)
	}
	extract.Compare(t, extract.Routes(t), extract.HTTP(r), listed)
}
