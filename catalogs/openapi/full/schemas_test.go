package full_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs/openapi/full"
)

// bodyOf makes the body of a document with one operation.
func bodyOf(t *testing.T, version, schema, components string) (string, []full.Doubt) {
	t.Helper()
	text := fmt.Sprintf("openapi: %s\ninfo: {title: t, version: '1'}\npaths: {/a: {post: {requestBody: {content: {application/json: {schema: %s}}}, responses: {default: {description: d}}}}}\ncomponents: {schemas: {%s}}\n", version, schema, components)
	made, err := full.Bodies("f.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	body, ok := made.Bodies["POST /a"]
	if !ok {
		return "", made.Doubts
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data), made.Doubts
}

const (
	v30 = "3.0.3"
	v31 = "3.1.0"
	all = ""
)

// Each schema has a body, which full.Bodies has checked; the text is what a reader of the
// schema would expect.
func TestBodyOfSchema(t *testing.T) {
	for _, test := range []struct{ name, version, schema, components, want string }{
		{"text", all, `{type: string}`, "", `"permcheck"`},
		{"shorter", all, `{type: string, maxLength: 4}`, "", `"perm"`},
		{"longer", all, `{type: string, minLength: 11, maxLength: 11}`, "", `"permcheckxx"`},
		{"empty", all, `{type: string, maxLength: 0}`, "", `""`},
		{"uuid", all, `{type: string, format: uuid}`, "", `"00000000-0000-4000-8000-000000000000"`},
		{"date-time", all, `{type: string, format: date-time}`, "", `"2030-01-01T00:00:00Z"`},
		{"date", all, `{type: string, format: date}`, "", `"2030-01-01"`},
		{"short email", all, `{type: string, format: email, maxLength: 10}`, "", `"p@a.io"`},
		{"long email", all, `{type: string, format: email, minLength: 25}`, "", `"xxxxpermcheck@example.com"`},
		{"unknown format", all, `{type: string, format: phone}`, "", `"permcheck"`},
		{"pattern that the usual text fits", all, `{type: string, pattern: '^[a-z]+$'}`, "", `"permcheck"`},
		{"pattern", all, `{type: string, pattern: '^[A-Z]{3}-\d{2,4}$'}`, "", `"AAA-00"`},
		{"pattern with alternatives and length", all, `{type: string, pattern: '^(k|key_)[0-9a-f]*$', minLength: 8, maxLength: 8}`, "", `"key_aaaa"`},
		{"pattern of an alternative", all, `{type: string, pattern: '^(ab|abcdef)$', minLength: 6}`, "", `"abcdef"`},
		{"pattern without anchors", all, `{type: string, pattern: '#\d', minLength: 5}`, "", `"#0xxx"`},
		{"pattern with a code point", all, `{type: string, pattern: '^\u0041$'}`, "", `"A"`},
		{"integer", all, `{type: integer}`, "", `1`},
		{"minimum", all, `{type: integer, minimum: 5}`, "", `5`},
		{"maximum below one", all, `{type: integer, maximum: -3}`, "", `-3`},
		{"fraction as the minimum of an integer", all, `{type: integer, minimum: 2.5}`, "", `3`},
		{"exclusive of 3.0", v30, `{type: integer, minimum: 5, exclusiveMinimum: true}`, "", `6`},
		{"exclusive of 3.1", v31, `{type: integer, exclusiveMinimum: 5}`, "", `6`},
		{"between", v31, `{type: number, exclusiveMinimum: 0, exclusiveMaximum: 1}`, "", `0.5`},
		{"exclusive maximum", v30, `{type: number, maximum: 0, exclusiveMaximum: true}`, "", `-1`},
		{"multiple", all, `{type: integer, minimum: 10, multipleOf: 7}`, "", `14`},
		{"multiple of a fraction", all, `{type: number, minimum: 0.2, multipleOf: 0.07}`, "", `0.21`},
		{"negative multiple", all, `{type: integer, maximum: -1, multipleOf: 4}`, "", `-4`},
		{"multiples together", all, `{allOf: [{type: integer, multipleOf: 4}, {multipleOf: 6, minimum: 13}]}`, "", `24`},
		{"int32", all, `{type: integer, format: int32, maximum: 99999999999}`, "", `-2147483648`},
		{"boolean", all, `{type: boolean}`, "", `false`},
		{"enum", all, `{type: string, enum: [draft, open]}`, "", `"draft"`},
		{"enum that other keywords cut", all, `{type: string, enum: [a, bb, ccc], minLength: 2}`, "", `"bb"`},
		{"const", v31, `{const: {a: [1]}}`, "", `{"a":[1]}`},
		{"example", all, `{type: string, example: mine}`, "", `"mine"`},
		{"example that does not fit", all, `{type: string, example: mine, minLength: 5}`, "", `"permcheck"`},
		{"examples of 3.1", v31, `{type: string, examples: [mine]}`, "", `"mine"`},
		{"default", all, `{type: integer, default: 4}`, "", `4`},
		{"any", all, `{}`, "", `{}`},
		{"list", all, `{type: array, items: {type: string}}`, "", `[]`},
		{"items", all, `{type: array, minItems: 2, items: {type: integer, minimum: 3}}`, "", `[3,3]`},
		{"different items", all, `{type: array, minItems: 3, uniqueItems: true, items: {type: string, maxLength: 2}}`, "", `["pe","p1","p2"]`},
		{"different items of an enum", all, `{type: array, minItems: 2, uniqueItems: true, items: {enum: [a, b]}}`, "", `["a","b"]`},
		{"different numbers", all, `{type: array, minItems: 2, uniqueItems: true, items: {type: number, minimum: 0, maximum: 1}}`, "", `[0,0.6666666666666666]`},
		{"different uuids", all, `{type: array, minItems: 2, uniqueItems: true, items: {type: string, format: uuid}}`, "", `["00000000-0000-4000-8000-000000000000","00000000-0000-4000-8000-000000000001"]`},
		{"different objects", all, `{type: array, minItems: 2, uniqueItems: true, items: {type: object, required: [a], properties: {a: {type: boolean}}}}`, "", `[{"a":false},{"a":true}]`},
		{"tuple", v31, `{type: array, minItems: 2, prefixItems: [{type: integer}, {type: string}], items: false}`, "", `[1,"permcheck"]`},
		{"contains", v31, `{type: array, contains: {const: 7}, items: {type: integer}}`, "", `[7]`},
		{"required only", all, `{type: object, required: [a], properties: {a: {type: string}, b: {type: string}}}`, "", `{"a":"permcheck"}`},
		{"required without a schema", all, `{type: object, required: [a]}`, "", `{"a":"permcheck"}`},
		{"required, by additionalProperties", all, `{type: object, required: [a], additionalProperties: {type: integer}}`, "", `{"a":1}`},
		{"name and title are filled in", all, `{type: object, properties: {title: {type: string}, name: {type: string}, x: {type: string}}}`, "", `{"name":"permcheck","title":"permcheck"}`},
		{"an optional name that nothing fits is left out", all, `{type: object, properties: {name: {type: string, pattern: '(?=a)b'}}}`, "", `{}`},
		{"minProperties", all, `{type: object, minProperties: 2, properties: {a: {type: integer}}}`, "", `{"a":1,"extra1":"permcheck"}`},
		{"maxProperties", all, `{type: object, maxProperties: 1, properties: {name: {type: string}, title: {type: string}}}`, "", `{"name":"permcheck"}`},
		{"patternProperties", v31, `{type: object, required: [x-a], patternProperties: {^x-: {type: integer}}, additionalProperties: false}`, "", `{"x-a":1}`},
		{"dependentRequired", v31, `{type: object, required: [a], properties: {a: {type: integer}, b: {type: integer}}, dependentRequired: {a: [b]}}`, "", `{"a":1,"b":1}`},
		{"readOnly is left out", all, `{type: object, required: [id, a], properties: {id: {type: string, readOnly: true}, a: {type: integer}}}`, "", `{"a":1}`},
		{"readOnly is left out of a reference", all, `{$ref: '#/components/schemas/A'}`, `A: {type: object, required: [id, a], properties: {id: {$ref: '#/components/schemas/Id'}, a: {type: integer}}}, Id: {type: string, readOnly: true}`, `{"a":1}`},
		{"readOnly of another part of allOf", all, `{allOf: [{type: object, required: [id]}, {type: object, properties: {id: {type: string, readOnly: true}, a: {type: integer}}, required: [a]}]}`, "", `{"a":1}`},
		{"writeOnly stays", all, `{type: object, required: [a], properties: {a: {type: string, writeOnly: true, format: password}}}`, "", `{"a":"permcheck-Passw0rd!"}`},
		{"nullable", v30, `{type: string, nullable: true, minLength: 3}`, "", `"permcheck"`},
		{"types of 3.1", v31, `{type: ['null', string]}`, "", `"permcheck"`},
		{"null only", v31, `{type: 'null'}`, "", `null`},
		{"the first type fails", v31, `{type: [string, integer], minLength: 30000}`, "", `1`},
		{"allOf", all, `{allOf: [{$ref: '#/components/schemas/A'}, {type: object, required: [b], properties: {b: {type: integer}}}]}`, `A: {type: object, required: [a], properties: {a: {type: string}}}`, `{"a":"permcheck","b":1}`},
		{"allOf about one member", all, `{allOf: [{type: object, required: [a], properties: {a: {type: string, minLength: 2}}}, {type: object, properties: {a: {maxLength: 3}}}]}`, ``, `{"a":"per"}`},
		{"oneOf", all, `{oneOf: [{type: object, required: [a], properties: {a: {type: integer}}, additionalProperties: false}, {type: string}]}`, ``, `{"a":1}`},
		{"oneOf, where the first would fit two", all, `{oneOf: [{type: integer}, {type: number}, {type: string}]}`, ``, `"permcheck"`},
		{"oneOf beside required", all, `{type: object, required: [k], properties: {k: {type: string}, a: {type: integer}, b: {type: integer}}, oneOf: [{required: [a]}, {required: [b]}]}`, ``, `{"a":1,"k":"permcheck"}`},
		{"oneOf that optional members tell apart", all, `{oneOf: [{type: object, properties: {a: {type: integer}}}, {type: object, properties: {b: {type: integer}, a: {type: string}}}]}`, ``, `{"a":1}`},
		{"a schema that is nothing but itself", all, `{$ref: '#/components/schemas/A'}`, `A: {properties: {a: {$ref: '#/components/schemas/A'}}}`, `{}`},
		{"schemas that are nothing but each other", all, `{$ref: '#/components/schemas/A'}`, `A: {anyOf: [{$ref: '#/components/schemas/B'}]}, B: {not: {$ref: '#/components/schemas/A'}, items: {$ref: '#/components/schemas/B'}}`, ``},
		{"keywords beside a reference to such", v31, `{$ref: '#/components/schemas/C', properties: {x: {$ref: '#/components/schemas/A'}}}`, `A: {properties: {a: {$ref: '#/components/schemas/A'}}}, C: {type: object}`, `{}`},
		{"allOf of itself", all, `{$ref: '#/components/schemas/A'}`, `A: {oneOf: [{type: integer}], allOf: [{$ref: '#/components/schemas/B'}]}, B: {allOf: [{$ref: '#/components/schemas/A'}]}`, ``},
		{"anyOf, where the first is impossible", all, `{anyOf: [{type: string, minLength: 5, maxLength: 2}, {type: integer}]}`, ``, `1`},
		{"oneOf within allOf, twice", all, `{allOf: [{oneOf: [{type: object, required: [a]}]}, {oneOf: [{type: object, required: [b]}]}]}`, ``, `{"a":"permcheck","b":"permcheck"}`},
		{"not", all, `{type: string, not: {enum: [permcheck]}, enum: [permcheck, other]}`, ``, `"other"`},
		{"if and then", v31, `{type: object, required: [k], properties: {k: {const: a}, x: {type: integer}}, if: {properties: {k: {const: a}}}, then: {required: [x]}}`, ``, `{"k":"a","x":1}`},
		{"discriminator", all, `{oneOf: [{$ref: '#/components/schemas/Cat'}, {$ref: '#/components/schemas/Dog'}], discriminator: {propertyName: kind, mapping: {dog: '#/components/schemas/Dog', cat: '#/components/schemas/Cat'}}}`,
			`Cat: {type: object, required: [kind, lives], properties: {kind: {type: string}, lives: {type: integer}}}, Dog: {type: object, required: [kind, barks], properties: {kind: {type: string}, barks: {type: boolean}}}`, `{"kind":"cat","lives":1}`},
		{"discriminator without a mapping", all, `{oneOf: [{$ref: '#/components/schemas/Cat'}], discriminator: {propertyName: kind}}`,
			`Cat: {type: object, required: [kind], properties: {kind: {type: string}}}`, `{"kind":"Cat"}`},
		{"discriminator of a base", all, `{$ref: '#/components/schemas/Pet'}`,
			`Pet: {type: object, required: [kind], properties: {kind: {type: string}}, discriminator: {propertyName: kind, mapping: {cat: '#/components/schemas/Cat'}}}, Cat: {allOf: [{$ref: '#/components/schemas/Pet'}, {type: object, required: [lives], properties: {lives: {type: integer}}}]}`, `{"kind":"cat","lives":1}`},
		{"subtype of a base", all, `{$ref: '#/components/schemas/Cat'}`,
			`Pet: {type: object, required: [kind], properties: {kind: {type: string}}, discriminator: {propertyName: kind}}, Cat: {allOf: [{$ref: '#/components/schemas/Pet'}, {type: object}]}`, `{"kind":"Cat"}`},
		{"recursion by an optional member", all, `{$ref: '#/components/schemas/A'}`, `A: {type: object, required: [kids], properties: {kids: {type: array, items: {$ref: '#/components/schemas/A'}}, up: {$ref: '#/components/schemas/A'}}}`, `{"kids":[]}`},
		{"recursion that an alternative ends", all, `{$ref: '#/components/schemas/A'}`, `A: {type: object, required: [next], properties: {next: {oneOf: [{type: string}, {$ref: '#/components/schemas/A'}]}}}`, `{"next":"permcheck"}`},
	} {
		for _, version := range []string{v30, v31} {
			if test.version != all && test.version != version {
				continue
			}
			t.Run(test.name+" "+version, func(t *testing.T) {
				got, doubts := bodyOf(t, version, test.schema, test.components)
				if test.want == "" { // that it ends is enough
					if (got == "") == (len(doubts) == 0) {
						t.Errorf("%s, %v: either a body or a doubt", got, doubts)
					}
					return
				}
				if got != test.want || len(doubts) > 0 {
					t.Errorf("got %s, want %s; %v", got, test.want, doubts)
				}
			})
		}
	}
}

// Where nothing fits, or it is not known whether something does, the reason is said.
func TestNoBodyOfSchema(t *testing.T) {
	for _, test := range []struct{ name, version, schema, components, want string }{
		{"lengths", all, `{type: object, required: [a], properties: {a: {type: string, minLength: 5, maxLength: 2}}}`, "", "no body can be made: /a: no text was found for its length"},
		{"pattern and length", all, `{type: string, pattern: '^a$', minLength: 2}`, "", `no text was found for its pattern "^a$", length`},
		{"pattern that Go does not have", all, `{type: object, required: [a], properties: {a: {type: string, pattern: '^(?=.*\d).+$'}}}`, "", "/a: its pattern"},
		{"bounds", all, `{type: integer, minimum: 5, maximum: 4}`, "", "no number that its schema allows was found"},
		{"no multiple within", all, `{type: integer, minimum: 5, maximum: 6, multipleOf: 7}`, "", "no number"},
		{"types", all, `{allOf: [{type: string}, {type: integer}]}`, "", "its types exclude each other"},
		{"enum", all, `{type: string, enum: [a], minLength: 2}`, "", "none of the values that its enum lists fits"},
		{"endless", all, `{$ref: '#/components/schemas/A'}`, `A: {type: object, required: [next], properties: {next: {$ref: '#/components/schemas/A'}}}`, "its schema goes deeper than 12 levels, or requires itself"},
		{"items", all, `{type: array, minItems: 100000, items: {}}`, "", "it needs 100000 items; at most 200 are made"},
		{"large text", all, `{type: string, minLength: 1000000}`, "", "it needs a text of 1000000 characters"},
		{"closed", all, `{type: object, required: [a], additionalProperties: false}`, "", "/a: it is required, but no other members are allowed"},
		{"false", v31, `{type: object, required: [a], properties: {a: false}}`, "", "its schema allows nothing"},
		{"not", all, `{type: string, not: {type: string}}`, "", "what was made does not fit its schema"},
		{"oneOf that always fits two", all, `{oneOf: [{type: integer}, {type: number, multipleOf: 1}]}`, "", "what was made does not fit its schema"},
		{"missing reference", all, `{$ref: '#/components/schemas/Gone'}`, "", "its schema cannot be read"},
		{"file", all, `{$ref: 'other.yaml#/A'}`, "", `the reference to "other.yaml" leads out of the document and is not followed`},
		{"address", all, `{$ref: 'http://127.0.0.1:1/a.yaml'}`, "", `is not followed`},
		{"not a schema", all, `{type: object, properties: [a]}`, "", "its schema cannot be read"},
	} {
		for _, version := range []string{v30, v31} {
			if test.version != all && test.version != version {
				continue
			}
			t.Run(test.name+" "+version, func(t *testing.T) {
				got, doubts := bodyOf(t, version, test.schema, test.components)
				if got != "" || len(doubts) != 1 || !strings.Contains(doubts[0].String(), test.want) || !strings.HasPrefix(doubts[0].String(), "POST /a: ") {
					t.Errorf("got %s, %v; want %q", got, doubts, test.want)
				}
			})
		}
	}
}
