package io.vllmd.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.Mlx;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Folders that are not the model they claim to be: each is told by tensor and file, and leaves no memory behind. */
class BadModelTest extends ModelTest {
    private static final String DENSE = "dense-f16";
    private static final String QUANTISED = "affine8-g64-tied";
    private static final String UP = "model.layers.1.mlp.up_proj";

    @TempDir
    private Path folder;

    private long activeBefore;

    @BeforeEach
    void noteMemory() {
        activeBefore = mlx.call(Mlx::memory).active();
    }

    @AfterEach
    void memoryIsFreed() {
        assertEquals(activeBefore, mlx.call(Mlx::memory).active());
    }

    private void refused(EditedModel model, Problem.Kind kind, String... words) throws IOException {
        model.write(folder);
        refused(kind, words);
    }

    private void refused(Problem.Kind kind, String... words) {
        Problem problem =
                assertThrows(ProblemException.class, () -> load(folder)).problem();
        for (String word : words) {
            assertTrue(problem.message().contains(word), problem.message() + " does not say: " + word);
        }
        assertEquals(kind, problem.kind(), problem.message());
    }

    @Test
    void anUnsupportedArchitectureIsNamedWithWhatIsSupported() throws Exception {
        refused(
                EditedModel.of(DENSE).config(c -> c.put("model_type", "quux")),
                Problem.Kind.UNSUPPORTED,
                "quux",
                "qwen3",
                "config.json");
    }

    @Test
    void aMissingTensorIsNamed() throws Exception {
        refused(EditedModel.of(DENSE).without(UP + ".weight"), Problem.Kind.INVALID, UP + ".weight", "missing");
    }

    @Test
    void missingScalesAreNamedWhereTheWeightIsPacked() throws Exception {
        refused(
                EditedModel.of(QUANTISED).without(UP + ".scales"),
                Problem.Kind.INVALID,
                UP + ".weight",
                "model.safetensors",
                "uint32");
    }

    @Test
    void missingScalesAreNamedWhereTheConfigurationDemandsThem() throws Exception {
        refused(
                EditedModel.of(QUANTISED)
                        .config(c -> c.withObject("/quantization")
                                .putObject(UP)
                                .put("bits", 8)
                                .put("group_size", 64))
                        .without(UP + ".scales"),
                Problem.Kind.INVALID,
                UP + ".scales",
                "missing");
    }

    @Test
    void missingBiasesAreNamed() throws Exception {
        refused(EditedModel.of(QUANTISED).without(UP + ".biases"), Problem.Kind.INVALID, UP + ".biases", "missing");
    }

    @Test
    void quantisationThatTheConfigurationDoesNotKnowIsRefused() throws Exception {
        refused(
                EditedModel.of(QUANTISED).config(c -> {
                    c.remove("quantization");
                    c.remove("quantization_config");
                }),
                Problem.Kind.INVALID,
                "model.embed_tokens.scales",
                "model.safetensors",
                "quantization");
    }

    @Test
    void aPackingOtherThanTheOneDemandedIsRefused() throws Exception {
        refused(
                EditedModel.of(QUANTISED)
                        .config(c -> c.withObject("/quantization")
                                .putObject(UP)
                                .put("bits", 4)
                                .put("group_size", 64)),
                Problem.Kind.INVALID,
                UP + ".weight",
                "8 bits",
                "4 bits");
    }

    @Test
    void aPackingInOtherBitsIsRefused() throws Exception {
        refused(
                EditedModel.of(QUANTISED).tensor(UP + ".weight", Dtype.UINT32, 64, 5),
                Problem.Kind.INVALID,
                UP + ".weight",
                "5 packed columns",
                "4 or 8 bits");
    }

    @Test
    void aWrongShapeIsToldWithTheRightOne() throws Exception {
        refused(
                EditedModel.of(DENSE).tensor(UP + ".weight", Dtype.FLOAT16, 64, 63),
                Problem.Kind.INVALID,
                UP + ".weight",
                "model.safetensors",
                "[64, 63]",
                "[64, 64]");
        refused(
                EditedModel.of(DENSE).tensor("model.norm.weight", Dtype.FLOAT16, 65),
                Problem.Kind.INVALID,
                "model.norm.weight",
                "[65]",
                "[64]");
        refused(
                EditedModel.of(QUANTISED).tensor(UP + ".scales", Dtype.BFLOAT16, 63, 1),
                Problem.Kind.INVALID,
                UP + ".scales",
                "[63, 1]",
                "[64, 1]");
        refused(
                EditedModel.of(QUANTISED).tensor(UP + ".scales", Dtype.BFLOAT16, 64),
                Problem.Kind.INVALID,
                UP + ".scales",
                "[64]");
    }

    @Test
    void aWrongDtypeIsToldWithTheRightOnes() throws Exception {
        refused(
                EditedModel.of(DENSE).tensor(UP + ".weight", Dtype.INT32, 64, 64),
                Problem.Kind.INVALID,
                UP + ".weight",
                "int32",
                "float16 or float32 or bfloat16");
        refused(
                EditedModel.of(QUANTISED).tensor(UP + ".biases", Dtype.FLOAT32, 64, 1),
                Problem.Kind.INVALID,
                UP + ".biases",
                "float32",
                "bfloat16");
    }

    @Test
    void aTensorThatIsNoPartOfTheModelIsRefused() throws Exception {
        refused(
                EditedModel.of(DENSE).tensor("model.layers.0.self_attn.q_proj.bias", Dtype.FLOAT16, 64),
                Problem.Kind.INVALID,
                "model.layers.0.self_attn.q_proj.bias",
                "model.safetensors",
                "no part");
    }

    @Test
    void aHeadBesideATiedTableIsIgnored() throws Exception {
        Path path = EditedModel.of(QUANTISED)
                .tensor("lm_head.weight", Dtype.BFLOAT16, 112, 64)
                .write(folder);
        assertEquals(
                "8-bit, groups of 64", with(path, model -> model.description().quantization()));
    }

    @Test
    void aTruncatedFileIsToldByTensorAndFile() throws Exception {
        Path file = EditedModel.of(DENSE).write(folder).resolve("model.safetensors");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(file) - 100);
        }
        refused(Problem.Kind.INVALID, "model.safetensors", "model.norm.weight");
    }

    @Test
    void settingsThatChangeTheArithmeticAreRefusedByNameAndValue() throws Exception {
        for (String flag : List.of("attention_bias", "mlp_bias")) {
            refused(EditedModel.of(DENSE).config(c -> c.put(flag, true)), Problem.Kind.UNSUPPORTED, flag, "true");
        }
        refused(
                EditedModel.of(DENSE).config(c -> c.putObject("rope_scaling").put("type", "yarn")),
                Problem.Kind.UNSUPPORTED,
                "rope_scaling",
                "yarn");
        refused(
                EditedModel.of(DENSE)
                        .config(c -> c.putObject("rope_parameters")
                                .put("rope_type", "llama3")
                                .put("rope_theta", 1e4)),
                Problem.Kind.UNSUPPORTED,
                "rope_parameters",
                "llama3");
        refused(
                EditedModel.of(DENSE).config(c -> c.put("hidden_act", "gelu")),
                Problem.Kind.UNSUPPORTED,
                "hidden_act",
                "gelu");
        refused(
                EditedModel.of(DENSE)
                        .config(c ->
                                c.putArray("layer_types").add("full_attention").add("linear_attention")),
                Problem.Kind.UNSUPPORTED,
                "layer_types",
                "linear_attention");
        refused(
                EditedModel.of(DENSE).config(c -> c.put("partial_rotary_factor", 0.5)),
                Problem.Kind.UNSUPPORTED,
                "partial_rotary_factor",
                "0.5");
        refused(
                EditedModel.of(DENSE).config(c -> c.put("model_file", "model.py")),
                Problem.Kind.UNSUPPORTED,
                "model_file");
    }

    @Test
    void slidingWindowsThatDoNotFitTogetherAreRefused() throws Exception {
        refused(
                EditedModel.of(DENSE).config(c -> c.put("use_sliding_window", true)),
                Problem.Kind.INVALID,
                "sliding_window",
                "missing");
        refused(
                EditedModel.of(DENSE)
                        .config(c -> c.put("sliding_window", 8)
                                .putArray("layer_types")
                                .add("full_attention")
                                .add("sliding_attention")),
                Problem.Kind.INVALID,
                "layer_types",
                "use_sliding_window");
        refused(
                EditedModel.of(DENSE)
                        .config(c -> c.put("use_sliding_window", true)
                                .put("sliding_window", 8)
                                .putArray("layer_types")
                                .add("sliding_attention")),
                Problem.Kind.INVALID,
                "layer_types",
                "list of 2");
    }

    @Test
    void foreignAndUnknownQuantisationsAreRefused() throws Exception {
        refused(
                EditedModel.of(DENSE)
                        .config(c -> c.putObject("quantization_config").put("quant_method", "fp8")),
                Problem.Kind.UNSUPPORTED,
                "quant_method",
                "fp8");
        refused(
                EditedModel.of(QUANTISED)
                        .config(c -> c.withObject("/quantization").put("mode", "mxfp4")),
                Problem.Kind.UNSUPPORTED,
                "mode",
                "mxfp4");
        refused(
                EditedModel.of(QUANTISED)
                        .config(c -> c.withObject("/quantization").put("bits", 3)),
                Problem.Kind.UNSUPPORTED,
                "bits",
                "3");
    }

    @Test
    void numbersOutOfRangeAreToldWithTheirRange() throws Exception {
        refused(
                EditedModel.of(DENSE).config(c -> c.put("num_hidden_layers", 100_000_000)),
                Problem.Kind.INVALID,
                "num_hidden_layers",
                "100000000",
                "1024");
        refused(EditedModel.of(DENSE).config(c -> c.put("head_dim", "wide")), Problem.Kind.INVALID, "head_dim", "wide");
        refused(EditedModel.of(DENSE).config(c -> c.put("head_dim", 15)), Problem.Kind.INVALID, "head_dim", "15");
        refused(EditedModel.of(DENSE).config(c -> c.remove("hidden_size")), Problem.Kind.INVALID, "hidden_size");
        refused(EditedModel.of(DENSE).config(c -> c.remove("rope_theta")), Problem.Kind.INVALID, "rope_theta");
        refused(EditedModel.of(DENSE).config(c -> c.remove("model_type")), Problem.Kind.INVALID, "model_type");
        refused(
                EditedModel.of(DENSE)
                        .config(c -> c.put("num_attention_heads", 3).put("num_key_value_heads", 2)),
                Problem.Kind.INVALID,
                "num_attention_heads",
                "3",
                "2");
    }

    @Test
    void whateverAConfigurationHoldsIsEitherLoadedOrToldAsAProblem() throws Exception {
        EditedModel model = EditedModel.of(QUANTISED);
        model.write(folder);
        Path file = folder.resolve("config.json");
        String whole = Files.readString(file);
        List<String> values = List.of(
                "null",
                "true",
                "false",
                "-1",
                "0",
                "1",
                "2",
                "3.5",
                "1e308",
                "99999999999999999999",
                "\"x\"",
                "\"\"",
                "[]",
                "[1]",
                "{}",
                "{\"bits\":8}",
                "{\"type\":1}",
                "{\"factor\":0,\"type\":\"linear\"}");
        List<String> fields = List.of(
                "model_type",
                "hidden_size",
                "num_hidden_layers",
                "num_attention_heads",
                "num_key_value_heads",
                "head_dim",
                "intermediate_size",
                "vocab_size",
                "max_position_embeddings",
                "rms_norm_eps",
                "tie_word_embeddings",
                "rope_theta",
                "rope_scaling",
                "rope_parameters",
                "layer_types",
                "hidden_act",
                "attention_bias",
                "use_sliding_window",
                "sliding_window",
                "max_window_layers",
                "partial_rotary_factor",
                "quantization",
                "quantization_config");
        int refusals = 0;
        for (String field : fields) {
            for (String value : values) {
                ObjectNode config = (ObjectNode) JsonMapper.shared().readTree(whole);
                config.set(field, JsonMapper.shared().readTree(value));
                Files.writeString(file, config.toString());
                try {
                    with(folder, LanguageModel::description);
                } catch (ProblemException e) {
                    assertTrue(!e.problem().message().isBlank());
                    refusals++;
                }
            }
        }
        assertTrue(refusals > fields.size() * values.size() / 2, refusals + " were refused");
    }
}
