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
	like.Issued, like.Tokens = false, nil
	for i, k := range p.Keys {
		switch k.Kind {
		case conformance.BadMalformed:
			creds[i] = like
			creds[i].Secret, creds[i].Env, creds[i].EnvNote = malformedSecret, "PC_MALFORMED", "the text "+malformedSecret
		case conformance.BadUnknown:
			creds[i] = like
			creds[i].Secret, creds[i].Env, creds[i].EnvNote = Lookalike(like.Secret), "PC_UNKNOWN", "a key of the right shape that was never made"
		}
	}
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
