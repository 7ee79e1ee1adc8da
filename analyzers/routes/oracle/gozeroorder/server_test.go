package gozeroorder

import (
	"net/http"
	"testing"

	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/rest"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func TestOrder(t *testing.T) {
	var c rest.RestConf
	if err := conf.FillDefault(&c); err != nil {
		t.Fatal(err)
	}
	c.Name, c.Log.Mode, c.Log.Level, c.DevServer.Enabled = "order", "console", "severe", false
	s := server(c)
	var listed []string
	for _, r := range s.Routes() {
		listed = append(listed, r.Method+" "+r.Path)
	}
	serverless, err := rest.NewServerless(s)
	if err != nil {
		t.Fatal(err)
	}
	h := http.HandlerFunc(serverless.Serve)
	extract.Compare(t, extract.Routes(t), extract.HTTP(h), listed)
}
