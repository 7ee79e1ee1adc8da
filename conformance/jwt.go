package conformance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
)

// SignJWT makes a token that is signed with HS256 (RFC 7518, section 3.2). header has members
// besides alg and typ; an alg of "none" leaves the signature empty.
func SignJWT(header, claims map[string]any, secret string) (string, error) {
	full := map[string]any{"alg": "HS256", "typ": "JWT"}
	maps.Copy(full, header)
	var parts []string
	for _, part := range []map[string]any{full, claims} {
		data, err := json.Marshal(part)
		if err != nil {
			return "", err
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(data))
	}
	signed := strings.Join(parts, ".")
	if full["alg"] == "none" {
		return signed + ".", nil
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}
