package io.vllmd.chat.tokenizer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Makes a tokenizer of what its file says, and refuses by name what it cannot do. */
final class TokenizerAssembly {
    private static final String SUPPORTED = "byte-level BPE";

    private final TokenizerFile file;
    private final Component model;

    private TokenizerAssembly(TokenizerFile file) {
        this.file = file;
        model = new Component(file.name + ": model", file.modelFields);
    }

    static Tokenizer assemble(TokenizerFile file) {
        return new TokenizerAssembly(file).assemble();
    }

    private Tokenizer assemble() {
        checkModel();
        checkDecoder(file.decoder);
        UnaryOperator<String> normalizer = TextNormalizer.of(file.normalizer);
        PreTokenizer preTokenizer = PreTokenizer.of(file.preTokenizer, file.name);
        List<AddedToken> added = new ArrayList<>();
        for (AddedToken token : file.added) {
            added.add(token.normalized() ? token.withText(normalizer.apply(token.content())) : token);
        }
        return new Tokenizer(
                new Vocabulary(file.vocabulary, added),
                merges(),
                model.flag("ignore_merges", false),
                added,
                normalizer,
                preTokenizer);
    }

    private void checkModel() {
        Object type = model.fields().get("type");
        if (type != null && !type.equals("BPE")) {
            throw model.unsupported("the model type " + type, SUPPORTED);
        }
        if (file.vocabulary.isEmpty()) {
            throw file.damaged("model.vocab is missing or empty");
        }
        for (String option : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
            Object value = model.fields().get(option);
            if (value != null && !value.equals("")) {
                throw model.unsupported(option + " = " + value, SUPPORTED + " without it");
            }
        }
        if (model.fields().get("dropout") instanceof Double dropout && dropout > 0) {
            throw model.unsupported("dropout = " + dropout, "no dropout: it makes tokens random");
        }
        if (model.flag("byte_fallback", false)) {
            throw model.unsupported("byte_fallback", SUPPORTED);
        }
    }

    private void checkDecoder(@Nullable Component decoder) {
        if (decoder == null) {
            throw model.unsupported("a tokenizer without a decoder", "the decoder ByteLevel");
        }
        if (decoder.type().equals("Sequence")) {
            List<Component> steps = decoder.components("decoders");
            if (steps.size() == 1) {
                checkDecoder(steps.getFirst());
                return;
            }
        }
        if (!decoder.type().equals("ByteLevel")) {
            throw decoder.unsupported("the decoder " + decoder.type(), "ByteLevel");
        }
    }

    private BytePairMerges merges() {
        Map<String, Integer> vocabulary = file.vocabulary;
        LongMap table = new LongMap(file.merges.size() / 2);
        for (int i = 0; i < file.merges.size(); i += 2) {
            String left = file.merges.get(i);
            String right = file.merges.get(i + 1);
            int leftId = known(left, i);
            int rightId = known(right, i);
            long merged = BytePairMerges.pair(i / 2, known(left.concat(right), i));
            table.put(BytePairMerges.pair(leftId, rightId), merged);
        }
        return new BytePairMerges(byteIds(vocabulary), table);
    }

    private int known(String token, int merge) {
        Integer id = file.vocabulary.get(token);
        if (id == null) {
            throw file.damaged(
                    "merge " + merge / 2 + " in model.merges needs the token '" + token + "', which model.vocab lacks");
        }
        return id;
    }

    private int[] byteIds(Map<String, Integer> vocabulary) {
        int[] ids = new int[256];
        Arrays.fill(ids, -1);
        int missing = 0;
        for (int b = 0; b < 256; b++) {
            Integer id = vocabulary.get(String.valueOf(ByteAlphabet.charOf((byte) b)));
            if (id == null) {
                missing++;
            } else {
                ids[b] = id;
            }
        }
        if (missing > 0 && model.fields().get("unk_token") != null) {
            throw model.unsupported(
                    "unk_token with " + missing + " bytes that model.vocab lacks", "a vocabulary with all bytes");
        }
        return ids;
    }
}
