package redact_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/internal/redact"
)

// fiftyKeys are the secrets of a large profile.
func fiftyKeys() []string {
	list := make([]string, 50)
	for i := range list {
		list[i] = fmt.Sprintf("sk_live_%04dabcdEFGH%08d", i, i*7919)
	}
	return list
}

// hide is what was done before there was this package: one search for each secret and each of two
// ways to write it.
func hide(text string, secrets []string) string {
	for _, s := range secrets {
		text = foldedAway(text, s)
		if escaped := url.QueryEscape(s); escaped != s {
			text = foldedAway(text, escaped)
		}
	}
	return text
}

func foldedAway(text, secret string) string {
	lower := func(b byte) byte {
		if b >= 'A' && b <= 'Z' {
			return b + 'a' - 'A'
		}
		return b
	}
	for i := 0; i+len(secret) <= len(text); i++ {
		n := 0
		for n < len(secret) && lower(text[i+n]) == lower(secret[n]) {
			n++
		}
		if n == len(secret) {
			return text[:i] + "$KEY" + foldedAway(text[i+n:], secret)
		}
	}
	return text
}

var benchTexts = map[string]string{
	"path":    "/v1/organizations/4711/projects/web%20shop/keys",
	"body":    strings.Repeat(`{"id":"4f0c2e7a-91aa","name":"Head of Research \u00e9","url":"https:\/\/example.com\/a?b=c&amp;d","n":1234567},`, 20),
	"hostile": strings.Repeat(`%25%32%35sk_live_&#115;k_\u006cive_`, 60),
}

func BenchmarkAgainstHide(b *testing.B) {
	keys := fiftyKeys()
	set := redact.New()
	for i, k := range keys {
		set.Add(redact.Secret{Name: fmt.Sprintf("K%d", i), Value: k})
	}
	for name, text := range benchTexts {
		b.Run(name+"/hide", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				hide(text, keys)
			}
		})
		b.Run(name+"/redact", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				set.Text(text)
			}
		})
	}
}
