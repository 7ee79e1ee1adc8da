package restfulorder

import (
	"testing"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func TestOrder(t *testing.T) {
	c := server()
	var listed []string
	for _, ws := range c.RegisteredWebServices() {
		for _, r := range ws.Routes() {
			listed = append(listed, r.Method+" "+r.Path)
		}
	}
	extract.Compare(t, extract.Routes(t), extract.HTTP(c), listed)
}
