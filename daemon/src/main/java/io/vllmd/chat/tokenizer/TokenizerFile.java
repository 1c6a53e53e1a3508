package io.vllmd.chat.tokenizer;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Reasons;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/** Reads tokenizer.json: its big parts straight into tables, its small ones as {@link Component}s. */
final class TokenizerFile {
    /** The largest vocabularies have some 300,000 entries; tables are as long as the highest id. */
    private static final int HIGHEST_ID = 2_000_000;

    private static final long LARGEST_FILE = 512L << 20;

    // Names here are mostly tokens: none comes twice, so a symbol table for them is a cost without a gain.
    private static final JsonFactory JSON = JsonFactory.builder()
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
            .build();

    final List<AddedToken> added = new ArrayList<>();
    final Map<String, Integer> vocabulary = new HashMap<>(1 << 13);
    /** Merges in the order of their rank: left and right tokens in turn. */
    final List<String> merges = new ArrayList<>(1 << 14);
    /** The small fields of the model. */
    final Map<String, @Nullable Object> modelFields = new HashMap<>();

    final String name;

    @Nullable
    Component normalizer;

    @Nullable
    Component preTokenizer;

    @Nullable
    Component decoder;

    private TokenizerFile(Path path) {
        Path file = path.getFileName();
        name = file == null ? path.toString() : file.toString();
    }

    static TokenizerFile read(Path path) {
        TokenizerFile file = new TokenizerFile(path);
        try {
            if (Files.size(path) > LARGEST_FILE) {
                throw Problem.of(
                                Problem.Kind.TOO_LARGE,
                                path + " has " + Files.size(path) + " bytes; a tokenizer has at most " + LARGEST_FILE
                                        + ".",
                                path.toString(),
                                Long.toString(LARGEST_FILE))
                        .asException();
            }
            // From characters, since Jackson reads names it does not intern slowly from bytes (measured: half the
            // time).
            if (Files.exists(path) && !Files.isRegularFile(path)) {
                // A pipe would be waited for.
                throw new NoSuchFileException(path.toString());
            }
            String json = Files.readString(path);
            try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), json)) {
                file.readRoot(parser);
            }
        } catch (NoSuchFileException e) {
            throw Problem.of(
                            Problem.Kind.NOT_FOUND,
                            path
                                    + " does not exist. vllmd reads tokenizers from tokenizer.json; download the model again,"
                                    + " or choose one that has it.",
                            path.toString())
                    .asException(e);
        } catch (CharacterCodingException e) {
            throw Problem.of(Problem.Kind.INVALID, path + " is not UTF-8. Download the model again.", path.toString())
                    .asException(e);
        } catch (IOException e) {
            throw Problem.of(Problem.Kind.INVALID, path + " cannot be read: " + e.getMessage(), path.toString())
                    .asException(e);
        } catch (JacksonException e) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            path + " is not a sound JSON file: " + Reasons.ofParser(e.getOriginalMessage()) + "."
                                    + " Download the model again.",
                            path.toString())
                    .asException(e);
        }
        return file;
    }

    private void readRoot(JsonParser parser) {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw damaged("it does not start with an object");
        }
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String field = parser.currentName();
            JsonToken token = parser.nextToken();
            switch (field) {
                case "added_tokens" -> readAdded(parser);
                case "normalizer" -> normalizer = component(field, JsonTree.read(parser));
                case "pre_tokenizer" -> preTokenizer = component(field, JsonTree.read(parser));
                case "decoder" -> decoder = component(field, JsonTree.read(parser));
                case "model" -> {
                    if (token != JsonToken.START_OBJECT) {
                        throw damaged("model is not an object");
                    }
                    readModel(parser);
                }
                default -> parser.skipChildren();
            }
        }
        if (parser.nextToken() != null) {
            throw damaged("something follows the end of its object");
        }
    }

    private @Nullable Component component(String field, @Nullable Object value) {
        return value == null ? null : root(field, value).component(field);
    }

    private Component root(String field, Object value) {
        Map<String, @Nullable Object> fields = new HashMap<>();
        fields.put(field, value);
        return new Component(name, fields);
    }

    private void readAdded(JsonParser parser) {
        Object list = JsonTree.read(parser);
        if (list == null) {
            return;
        }
        for (Component token : root("added_tokens", list).components("added_tokens")) {
            if (!(token.fields().get("id") instanceof Double id)) {
                throw token.wrong("id", "a token id");
            }
            added.add(new AddedToken(
                    checkedId(id, token.place()),
                    token.string("content"),
                    token.string("content"),
                    token.flag("special", false),
                    token.flag("lstrip", false),
                    token.flag("rstrip", false),
                    token.flag("single_word", false),
                    token.flag("normalized", true)));
        }
    }

    private void readModel(JsonParser parser) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String field = parser.currentName();
            JsonToken token = parser.nextToken();
            if (field.equals("vocab") && token == JsonToken.START_OBJECT) {
                readVocabulary(parser);
            } else if (field.equals("merges") && token == JsonToken.START_ARRAY) {
                readMerges(parser);
            } else if (token.isStructStart()) {
                // Unigram has a list as vocabulary: kept as a mark only, its type refuses it by name later.
                parser.skipChildren();
                modelFields.put(field, List.of());
            } else {
                modelFields.put(field, JsonTree.read(parser));
            }
        }
    }

    private void readVocabulary(JsonParser parser) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String token = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) {
                throw damaged("the id of the token '" + token + "' in model.vocab is not a whole number");
            }
            vocabulary.put(token, checkedId(parser.getDoubleValue(), "model.vocab"));
        }
    }

    private void readMerges(JsonParser parser) {
        for (JsonToken token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser.nextToken()) {
            if (token == JsonToken.VALUE_STRING) {
                String merge = parser.getString();
                int space = merge.indexOf(' ');
                if (space < 0 || merge.indexOf(' ', space + 1) >= 0) {
                    throw damaged("the merge '" + merge + "' is not two tokens with a space between");
                }
                merges.add(merge.substring(0, space));
                merges.add(merge.substring(space + 1));
            } else if (token == JsonToken.START_ARRAY) {
                merges.add(mergePart(parser));
                merges.add(mergePart(parser));
                if (parser.nextToken() != JsonToken.END_ARRAY) {
                    throw damaged("a merge in model.merges has more than two tokens");
                }
            } else {
                throw damaged("model.merges holds something that is neither a string nor a pair");
            }
        }
    }

    private String mergePart(JsonParser parser) {
        if (parser.nextToken() != JsonToken.VALUE_STRING) {
            throw damaged("a merge in model.merges is not a pair of strings");
        }
        return parser.getString();
    }

    private int checkedId(double id, String place) {
        if (id < 0 || id > HIGHEST_ID || id != Math.rint(id)) {
            throw damaged("the token id " + id + " in " + place + " is not a whole number from 0 to " + HIGHEST_ID);
        }
        return (int) id;
    }

    /** A problem with the file as such. */
    ProblemException damaged(String what) {
        return Problem.of(
                        Problem.Kind.INVALID,
                        name + " cannot be read as a tokenizer: " + what + ". Download the model again.",
                        name)
                .asException();
    }
}
