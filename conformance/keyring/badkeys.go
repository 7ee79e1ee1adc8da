package keyring

import (
	"crypto/rand"
	"math/big"
	"strings"

	"github.com/permcheck/permcheck/conformance"
)

// malformedSecret cannot be a key of any server: it is too short and of the wrong
// characters.
const malformedSecret = "!permcheck!"

// addBadKeys makes the credentials of a plan that are no keys: like has the form of a
// real one.
func addBadKeys(p *conformance.Plan, creds []conformance.Credential, like conformance.Credential) {
	for i, k := range p.Keys {
		switch k.Kind {
		case conformance.BadMalformed:
			creds[i] = other(like, func(string) string { return malformedSecret })
			creds[i].Named("PC_MALFORMED", "the text "+malformedSecret)
		case conformance.BadUnknown:
			creds[i] = other(like, Lookalike)
			creds[i].Named("PC_UNKNOWN", "a key of the right shape that was never made")
		}
	}
}

// other is a credential with other secrets, which do not change.
func other(c conformance.Credential, secret func(string) string) conformance.Credential {
	c.Issued, c.Tokens, c.KeyID, c.KeySecret, c.Secret = false, nil, "", "", secret(c.Secret)
	below := c.Below
	c.Below = nil
	for _, b := range below {
		b.Credential = other(b.Credential, secret)
		c.Below = append(c.Below, b)
	}
	return c
}

// Lookalike returns a key of the same shape as a real one that no server has made: each
// letter and digit is replaced by a random one of its kind, apart from a prefix such
// as "sk_live_".
func Lookalike(secret string) string {
	if secret == "" {
		secret = "permcheck_aaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	}
	keep := strings.LastIndexByte(secret[:min(len(secret), 16)], '_') + 1
	if keep > len(secret)/2 {
		keep = 0
	}
	out := []byte(secret)
	for i := keep; i < len(out); i++ {
		switch c := out[i]; {
		case c >= 'a' && c <= 'z':
			out[i] = 'a' + random(26)
		case c >= 'A' && c <= 'Z':
			out[i] = 'A' + random(26)
		case c >= '0' && c <= '9':
			out[i] = '0' + random(10)
		}
	}
	return string(out)
}

func random(n int64) byte {
	i, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic(err) // documented never to happen
	}
	return byte(i.Int64())
}
