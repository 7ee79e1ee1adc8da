package echoorder

import (
	"testing"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func TestOrder(t *testing.T) {
	e := server()
	var listed []string
	for _, r := range e.Routes() {
		if r.Method != "echo_route_not_found" { // a group with middleware adds them, to run it for what is not found
			listed = append(listed, r.Method+" "+r.Path)
		}
	}
	extract.Compare(t, extract.Routes(t), extract.HTTP(e), listed)
}
