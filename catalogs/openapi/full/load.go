package full

import (
	"encoding/json"
	"fmt"
	"net/url"
	"runtime"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
)

// guard makes a panic of the library an error: it was given a document that it does not
// expect. What is wrong with this program itself still ends it.
func guard(err *error) {
	switch r := recover().(type) {
	case nil:
	case runtime.Error:
		*err = fmt.Errorf("kin-openapi fails on it: %w", r)
	default:
		*err = fmt.Errorf("kin-openapi fails on it: %v", r)
	}
}

// noFiles is a loader that opens nothing.
func noFiles() *openapi3.Loader {
	l := openapi3.NewLoader()
	l.ReadFromURIFunc = func(_ *openapi3.Loader, u *url.URL) ([]byte, error) {
		return nil, fmt.Errorf("the reference to %q leads out of the document and is not followed", u.Redacted())
	}
	return l
}

// load makes a document of kin-openapi's types, and may change schemas in root for it; see
// tame. Version 2.0 is converted to 3.0.
func load(root map[string]any) (doc *openapi3.T, err error) {
	defer guard(&err)
	tame(map[string]any{"": root}, within(root))
	data, err := json.Marshal(root)
	if err != nil {
		return nil, err
	}
	if root["swagger"] == nil {
		doc = &openapi3.T{}
		if err := json.Unmarshal(data, doc); err != nil {
			return nil, err
		}
		return doc, noFiles().ResolveRefsIn(doc, nil)
	}
	var old openapi2.T
	if err := json.Unmarshal(data, &old); err != nil {
		return nil, err
	}
	return openapi2conv.ToV3WithLoader(&old, noFiles(), nil)
}
